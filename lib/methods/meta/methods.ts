/** A line for every meta method. */
export { type SmoothOptions, smooth } from './smooth.js';
export { type TtaOptions, tta } from './tta.js';
