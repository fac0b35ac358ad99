/** Keras' activation layers. */
import { add, multiply, negative, subtract } from '../../graph/ops/arithmetic.js';
import { cast, zerosLike } from '../../graph/ops/array.js';
import { where } from '../../graph/ops/comparison.js';
import { relu } from '../../graph/ops/nn.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { LayerKind } from '../layer_kind.js';
import { activationLayer, activationOf, softmaxOver } from './activation_functions.js';
import { axesOf, maskOf, ofOneInput, weightOf } from './options.js';

const activation: LayerKind = {
  names: ['Activation'],
  build: (parts) => ofOneInput(parts, activationOf(parts)),
  mask: 'pass',
};

/** A layer that is a function of its config, for example `LeakyReLU`. */
const functionLayer = (name: string): LayerKind => ({
  names: [name],
  build: (parts) => {
    const apply = activationLayer(name, parts.config) ?? parts.config.refuse('its class is unknown');
    return ofOneInput(parts, apply);
  },
  mask: 'pass',
});

/** Keras' `PReLU`: max(x, 0) - alpha · max(-x, 0). Axes that are shared have size 1 in `alpha`. */
const prelu: LayerKind = {
  names: ['PReLU'],
  variables: () => [{ name: 'alpha' }],
  build(parts) {
    const alpha = weightOf(parts, 'alpha');
    return ofOneInput(parts, (x) => add(relu(x), multiply(negative(alpha), relu(negative(x)))));
  },
  mask: 'pass',
};

/** The value that Keras adds to masked positions, or puts in their place. */
const masked = ({ dtype }: Symbolic): number => (dtype === 'float16' ? -3e4 : -1e9);

const softmax: LayerKind = {
  names: ['Softmax'],
  build(parts) {
    const axes = axesOf(parts.config, 'axis', -1);
    return ofOneInput(parts, (x, call) => {
      const mask = maskOf(call);
      if (mask === null) return softmaxOver(x, axes);
      if (parts.kerasVersion < 3) {
        const least = x.dtype === 'float16' ? -65504 : -1e9;
        return softmaxOver(add(x, multiply(subtract(1, cast(mask, x.dtype)), least)), axes);
      }
      const keep = cast(mask, 'bool');
      const result = softmaxOver(where(keep, x, masked(x)), axes);
      return where(keep, result, zerosLike(result));
    });
  },
  mask: 'pass',
};

export const ACTIVATION_LAYERS: readonly LayerKind[] = [
  activation,
  ...['ReLU', 'LeakyReLU', 'ELU', 'ThresholdedReLU'].map(functionLayer),
  prelu,
  softmax,
];
