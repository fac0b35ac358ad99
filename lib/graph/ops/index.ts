/** The ops that methods and filters are written with: TensorFlow's names in camelCase, a family per file. */
export * from './arithmetic.js';
export * from './array.js';
export * from './comparison.js';
export * from './control.js';
export { flipLeftRight, flipUpDown, type ResizeMethod, resize } from './image.js';
export * from './indexing.js';
export * from './math.js';
export * from './nn.js';
export * as random from './random.js';
export * from './reduction.js';
