/** Methods that weigh the activations of a layer. */
import type { AnyMethod } from '../../graph/method.js';
import { type CamParameters, cam } from './cam.js';
import { gradcam } from './gradcam.js';
import { gradcampp } from './gradcampp.js';
import { type ScorecamParameters, scorecam } from './scorecam.js';

export { type CamParameters, cam, gradcam, gradcampp, type ScorecamParameters, scorecam };

/** Every method of this group. */
export const METHODS: readonly AnyMethod[] = Object.freeze([cam, gradcam, gradcampp, scorecam]);
