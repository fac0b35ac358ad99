/** All layer classes, by the names that files use. */
import type { LayerKind } from '../layer_kind.js';
import { TENSORFLOW_FUNCTION_LAYERS } from '../operations/tensorflow_functions.js';
import { ACTIVATION_LAYERS } from './activations.js';
import { APPLICATION_LAYERS } from './applications.js';
import { ATTENTION_LAYERS } from './attention.js';
import { CONV_LSTM_LAYERS } from './conv_lstm.js';
import { CONVOLUTION_LAYERS } from './convolutions.js';
import { CORE_LAYERS } from './core.js';
import { FEATURE_LAYERS } from './feature_preprocessing.js';
import { IMAGE_LAYERS } from './image_preprocessing.js';
import { LOCALLY_CONNECTED_LAYERS } from './locally_connected.js';
import { MERGING_LAYERS } from './merging.js';
import { NORMALIZATION_LAYERS } from './normalization.js';
import { POOLING_LAYERS } from './pooling.js';
import { RECURRENT_LAYERS } from './recurrent.js';
import { RECURRENT_CELLS } from './recurrent_cells.js';
import { REGULARIZATION_LAYERS } from './regularization.js';
import { RESHAPING_LAYERS } from './reshaping.js';
import { SEQUENCE_WRAPPERS } from './sequence_wrappers.js';
import { SPECTROGRAM_LAYERS } from './spectrograms.js';
import { TRANSPOSED_CONVOLUTION_LAYERS } from './transposed_convolutions.js';

const KINDS: readonly LayerKind[] = [
  ...CORE_LAYERS,
  ...ACTIVATION_LAYERS,
  ...CONVOLUTION_LAYERS,
  ...TRANSPOSED_CONVOLUTION_LAYERS,
  ...LOCALLY_CONNECTED_LAYERS,
  ...POOLING_LAYERS,
  ...NORMALIZATION_LAYERS,
  ...REGULARIZATION_LAYERS,
  ...RESHAPING_LAYERS,
  ...MERGING_LAYERS,
  ...IMAGE_LAYERS,
  ...FEATURE_LAYERS,
  ...SPECTROGRAM_LAYERS,
  ...RECURRENT_CELLS,
  ...RECURRENT_LAYERS,
  ...CONV_LSTM_LAYERS,
  ...SEQUENCE_WRAPPERS,
  ...ATTENTION_LAYERS,
  ...TENSORFLOW_FUNCTION_LAYERS,
  ...APPLICATION_LAYERS,
];

const BY_NAME: ReadonlyMap<string, LayerKind> = new Map(
  KINDS.flatMap((kind) => kind.names.map((name) => [name, kind] as const)),
);

/** Returns the kind of a class, or undefined for an unknown class. */
export const layerKind = (className: string): LayerKind | undefined => BY_NAME.get(className);

/** The class names that files may use, in the order of the families. */
export const LAYER_NAMES: readonly string[] = [...BY_NAME.keys()];
