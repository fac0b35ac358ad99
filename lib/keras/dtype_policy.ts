/** Keras' dtype policies. */

import type { DType } from '../binding/contract.js';
import { isFloating, isNumeric } from '../tensor/dtype.js';
import { type Config, isObject } from './config.js';

export interface DTypePolicy {
  /** The dtype in which the layer computes. */
  readonly compute: DType;
  /** The dtype of the layer's variables. */
  readonly variable: DType;
}

/**
 * Returns the policy of a layer: the entry `dtype` is the name of a dtype or of a policy, or a serialised policy.
 * Default: float32. The policies 'infer' of TensorFlow 2.0 take the dtype of the inputs, which is float32 in files.
 */
export function policyOf(config: Config): DTypePolicy {
  const entry = config.get('dtype') ?? 'float32';
  const inner = isObject(entry) && isObject(entry.config) ? entry.config.name : entry;
  if (typeof inner !== 'string') return config.fail('dtype', 'a dtype or a policy');
  const mixed = /^mixed_(float16|bfloat16)$/.exec(inner);
  if (mixed !== null) return { compute: mixed[1] as DType, variable: 'float32' };
  if (inner.startsWith('infer') || inner === '_infer') return { compute: 'float32', variable: 'float32' };
  if (!isNumeric(inner) && inner !== 'string') {
    return config.refuse(
      `its dtype policy '${inner}' is not supported`,
      'Save the model with the policy float32, mixed_float16 or mixed_bfloat16.',
    );
  }
  return { compute: inner as DType, variable: inner as DType };
}

/** Returns whether Keras casts inputs of `dtype` to the compute dtype of the policy. */
export function isCast(dtype: DType, policy: DTypePolicy): boolean {
  return isFloating(dtype) && isFloating(policy.compute) && dtype !== policy.compute;
}
