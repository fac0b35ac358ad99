/** Keras' activation functions, by name. */
import { relu } from '../../graph/ops/nn.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';

const ACTIVATIONS: Readonly<Record<string, (x: Symbolic) => Symbolic>> = {
  linear: (x) => x,
  relu: (x) => relu(x),
};

/** Returns the activation function that the entry `name` of a layer's config names. Default: linear. */
export function activationOf(config: Config, name = 'activation'): (x: Symbolic) => Symbolic {
  const activation = ACTIVATIONS[config.string(name, 'linear')];
  return activation ?? config.fail(name, `one of ${Object.keys(ACTIVATIONS).join(', ')}`);
}
