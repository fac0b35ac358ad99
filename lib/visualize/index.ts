/** What shows results to people. */
export { type VisualizeOptions, visualize } from './visualize.js';
