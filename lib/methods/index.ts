/** The explaining methods, one file per method. */
export * as cams from './cams/index.js';
export {
  describeMethod,
  descriptorOf,
  type MethodDescription,
  type MethodDescriptor,
  type Passes,
} from './descriptor.js';
export * as gradient from './gradient/index.js';
export * as meta from './meta/index.js';
export * as parameters from './parameters.js';
