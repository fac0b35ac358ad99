/**
 * The ops of methods and filters: TensorFlow's names in camelCase, a family per file.
 *
 * These rules hold for every op:
 *
 * - An op can be called only while a method or filter is recorded. Elsewhere, it throws GraphError
 *   (`FAILED_PRECONDITION`).
 * - Errors that TensorFlow finds from shapes and dtypes are thrown while recording: GraphError (`INVALID_ARGUMENT`).
 *   Errors that depend on values reject the run with `INVALID_ARGUMENT`.
 * - An operand that is not a tensor, a number, a boolean or a nested array of these is a TypeError. A nested array of
 *   uneven lengths, and an element that the dtype cannot hold, is a RangeError.
 * - Docstrings name the dtypes of TensorFlow's CPU kernels. "Floating" dtypes are float32, float64, float16 and
 *   bfloat16. "Numeric" dtypes are these and all integers, not bool.
 */
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
