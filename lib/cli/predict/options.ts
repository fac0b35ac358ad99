import type { LoadFlags } from '../shared/loading.js';
import type { PictureOptions } from '../shared/pictures/target.js';

/** The checked options of `keras-explainable predict`. */
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
