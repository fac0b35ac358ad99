/** Methods that weigh the activations of a layer. */
import type { AnyMethod } from '../../graph/method.js';
import { gradcam } from './gradcam.js';

export { gradcam };

/** Every method of this group. */
export const METHODS: readonly AnyMethod[] = Object.freeze([gradcam]);
