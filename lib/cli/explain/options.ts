import type { Colormap } from '../../image/colormap.js';
import type { LoadFlags } from '../shared/loading.js';
import type { MethodSettings } from '../shared/methods/named.js';
import type { PictureOptions } from '../shared/pictures/target.js';

/** What `keras-explainable explain` was asked to do, checked. */
export interface ExplainOptions extends MethodSettings, PictureOptions, LoadFlags {
  readonly model: string;
  readonly images: readonly string[];
  readonly method: string;
  readonly out: string;
  readonly sheet?: string;
  readonly top: number;
  readonly layer?: string;
  readonly labels?: string;
  readonly boxes?: string;
  readonly batchSize: number;
  readonly alpha: number;
  readonly colormap: Colormap;
  readonly json: boolean;
}
