/** Keras' core layers. */

import { op } from '../../graph/operand.js';
import { matmul } from '../../graph/ops/math.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { LayerKind } from '../layer_kind.js';
import { activationOf } from './activation_functions.js';

/** Keras' `Dense`: activation(x @ kernel + bias) over the last axis. */
const dense: LayerKind = {
  names: ['Dense'],
  variables: (config) =>
    config.boolean('use_bias', true) ? [{ name: 'kernel' }, { name: 'bias' }] : [{ name: 'kernel' }],
  build({ config, weights }) {
    const activation = activationOf(config);
    const { kernel, bias } = weights;
    return ([x]) => {
      const product = matmul(x as Symbolic, kernel as Symbolic);
      return activation(bias === undefined ? product : op('BiasAdd', [product, bias]));
    };
  },
  mask: 'pass',
};

export const CORE_LAYERS: readonly LayerKind[] = [dense];
