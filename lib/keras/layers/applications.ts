/** The layers that `keras.applications` defines beside its networks. */
import { multiply } from '../../graph/ops/arithmetic.js';
import type { LayerKind } from '../layer_kind.js';
import { ofOneInput, passThrough, weightOf } from './options.js';

/** ConvNeXt's `LayerScale`: x * gamma, a factor per channel. Touvron et al. 2021, arXiv:2103.17239. */
const layerScale: LayerKind = {
  names: ['LayerScale'],
  variables: () => [{ name: 'gamma' }],
  build(parts) {
    const gamma = weightOf(parts, 'gamma', 1);
    return ofOneInput(parts, (x) => multiply(x, gamma));
  },
};

/** ConvNeXt's `StochasticDepth`, which drops residuals in training only. */
const stochasticDepth: LayerKind = { ...passThrough('StochasticDepth'), dependsOnTraining: true };

export const APPLICATION_LAYERS: readonly LayerKind[] = [layerScale, stochasticDepth];
