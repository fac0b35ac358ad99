import type { LoadFlags } from '../shared/loading.js';
import type { PictureOptions } from '../shared/pictures/target.js';

/** The checked flags of `keras-explainable predict`. */
export interface PredictFlags extends Omit<PredictOptions, 'batchSize'> {
  /** Default: the model's own. */
  readonly batchSize?: number;
}

/** The flags with the values that depend on the model. */
export interface PredictOptions extends Omit<PictureOptions, 'preprocess' | 'units'>, LoadFlags {
  readonly model: string;
  readonly images?: readonly string[];
  readonly inputs?: string;
  readonly preprocess?: PictureOptions['preprocess'];
  readonly labels?: string;
  readonly top: number;
  readonly batchSize: number;
  readonly json: boolean;
}
