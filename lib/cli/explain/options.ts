import type { Colormap } from '../../image/colormap.js';
import type { MethodSettings } from '../methods/named.js';
import type { PictureOptions } from '../pictures/target.js';
import type { StrategyFlags } from '../strategy.js';

/** What `keras-explainable explain` was asked to do, checked. */
export interface ExplainOptions extends MethodSettings, PictureOptions, StrategyFlags {
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
  readonly signature?: string;
  readonly alpha: number;
  readonly colormap: Colormap;
  readonly json: boolean;
}
