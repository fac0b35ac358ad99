/** Keras' regularisation layers. They change their input in training only. */
import type { LayerKind } from '../layer_kind.js';
import { passThrough } from './options.js';

export const REGULARIZATION_LAYERS: readonly LayerKind[] = [
  'Dropout',
  'SpatialDropout1D',
  'SpatialDropout2D',
  'SpatialDropout3D',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'ActivityRegularization',
].map((name) => ({ ...passThrough(name), dependsOnTraining: name !== 'ActivityRegularization' }));
