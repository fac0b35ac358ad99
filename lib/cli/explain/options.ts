import type { Colormap } from '../../image/colormap.js';
import type { LoadFlags } from '../shared/loading.js';
import type { Activation } from '../shared/methods/exposed.js';
import type { MethodSettings } from '../shared/methods/vocabulary.js';
import type { PictureOptions } from '../shared/pictures/target.js';

/** The checked flags of `keras-explainable explain`. */
export interface ExplainFlags extends Omit<ExplainOptions, 'batchSize'> {
  /** Default: the model's own. */
  readonly batchSize?: number;
}

/** The flags with the values that depend on the model. */
export interface ExplainOptions extends PictureOptions, LoadFlags {
  readonly model: string;
  readonly images: readonly string[];
  readonly method: string;
  /** The values of the methods' own parameters. */
  readonly settings: MethodSettings;
  readonly out: string;
  readonly sheet?: string;
  readonly top: number;
  readonly layer?: string;
  readonly activation: Activation;
  readonly labels?: string;
  readonly boxes?: string;
  readonly batchSize: number;
  readonly alpha: number;
  readonly colormap: Colormap;
  readonly json: boolean;
}
