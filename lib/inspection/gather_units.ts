import { gather } from '../graph/ops/indexing.js';
import type { Symbolic } from '../graph/symbolic.js';
import { checkInteger } from '../support/arguments.js';
import { KERNEL_AXIS } from './axes.js';

export interface GatherUnitsOptions {
  /** The axis that `indices` point into. Default: the last. */
  readonly axis?: number;
  /**
   * The number of leading axes that `tensor` and `indices` share. Default -1: every axis of `indices` except the last.
   */
  readonly batchDims?: number;
}

/**
 * Gathers the units `indices` of `tensor`.
 *
 * @param tensor logits (N, C).
 * @param indices integers (N, U); undefined or null for all units.
 * @returns logits (N, U), or `tensor` itself without indices.
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
