/** Methods made of methods: each takes one and returns one, so that they can be put into each other. */
import { type SmoothOptions, smooth } from './smooth.js';
import { type TtaOptions, tta } from './tta.js';

export { type SmoothOptions, smooth, type TtaOptions, tta };

/** Every meta method of this group. */
export const METHODS: readonly [typeof smooth, typeof tta] = Object.freeze([smooth, tta] as const);
