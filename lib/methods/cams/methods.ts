/** A line for every method of this group. */
export { type CamParameters, cam } from './cam.js';
export { gradcam } from './gradcam.js';
export { gradcampp } from './gradcampp.js';
export { type ScorecamParameters, scorecam } from './scorecam.js';
