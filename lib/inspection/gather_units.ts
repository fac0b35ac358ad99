import { gather } from '../graph/ops/indexing.js';
import type { Symbolic } from '../graph/symbolic.js';
import { checkInteger } from '../support/arguments.js';
import { KERNEL_AXIS } from './axes.js';

export interface GatherUnitsOptions {
  /** The axis that `indices` point into. Default: the last. */
  readonly axis?: number;
  /** How many leading axes `tensor` and `indices` share. Default -1: all of the indices' but the last. */
  readonly batchDims?: number;
}

/**
 * The units of `tensor` that `indices` name: of logits (N, C) and indices (N, U) the logits (N, U). Without
 * indices the tensor itself.
 */
export function gatherUnits(
  tensor: Symbolic,
  indices?: Symbolic | null,
  { axis = KERNEL_AXIS, batchDims = -1 }: GatherUnitsOptions = {},
): Symbolic {
  checkInteger('axis', axis, Number.MIN_SAFE_INTEGER);
  checkInteger('batchDims', batchDims, Number.MIN_SAFE_INTEGER);
  return indices === undefined || indices === null ? tensor : gather(tensor, indices, { axis, batchDims });
}
