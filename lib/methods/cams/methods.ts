/** The list of this group's methods. A new method adds one line. */
export { type CamParameters, cam } from './cam.js';
export { gradcam } from './gradcam.js';
export { gradcampp } from './gradcampp.js';
export { type ScorecamParameters, scorecam } from './scorecam.js';
