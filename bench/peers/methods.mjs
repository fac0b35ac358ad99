/** The methods of jobs: the package's shortcuts, each with the view of a model that the shortcut explains. */
import * as ke from 'keras-explainable';

const itself = (model) => model;
const { expose } = ke.inspection;

export const METHODS = {
  gradcam: { call: ke.gradcam, view: (model) => expose(model) },
  scorecam: { call: ke.scorecam, view: (model) => expose(model) },
  gradients: { call: ke.gradients, view: itself },
};
