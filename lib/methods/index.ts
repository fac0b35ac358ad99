/** The explaining methods, a file for each. */
export * as cams from './cams/index.js';
export * as gradient from './gradient/index.js';
export * as meta from './meta/index.js';
