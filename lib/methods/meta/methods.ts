/** The list of meta methods. A new meta method adds one line. */
export { type SmoothOptions, smooth } from './smooth.js';
export { type TtaOptions, tta } from './tta.js';
