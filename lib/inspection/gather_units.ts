import { add } from '../graph/ops/arithmetic.js';
import { concat, expandDims, range, reshape, zerosLike } from '../graph/ops/array.js';
import { gather, gatherNd, stridedSlice } from '../graph/ops/indexing.js';
import { sizeOf } from '../graph/positions.js';
import type { Symbolic } from '../graph/symbolic.js';
import { checkInteger } from '../support/arguments.js';
import { GraphError } from '../support/errors.js';
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
 * @param tensor logits (N, C); (N) for a single unit per sample; or (N, C1, C2, ...), whose units have an index per
 *   axis.
 * @param indices integers (N, U), or (N, U, k) for a tensor of k axes behind the samples; undefined or null for all
 *   units.
 * @returns logits (N, U). Without indices, `tensor` itself, or (N, 1) of a tensor (N).
 * @throws GraphError (`INVALID_ARGUMENT`) for a scalar, and for tuples of another length than `tensor` has axes. A run
 *   with an index outside of an axis is rejected.
 */
export function gatherUnits(
  tensor: Symbolic,
  indices?: Symbolic | null,
  { axis = KERNEL_AXIS, batchDims = -1 }: GatherUnitsOptions = {},
): Symbolic {
  checkInteger('axis', axis, Number.MIN_SAFE_INTEGER);
  checkInteger('batchDims', batchDims, Number.MIN_SAFE_INTEGER);
  const rank = tensor.shape?.length;
  if (rank === 0) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      'Expected logits with an axis of samples but received a scalar. Expose a tensor with a row per sample.',
    );
  }
  const units = rank === 1 ? expandDims(tensor, -1) : tensor;
  if (indices === undefined || indices === null) return units;
  return indices.shape?.length === 3
    ? gatherTuples(units, indices)
    : gather(units, indices, { axis, batchDims });
}

/** Returns the elements of `tensor` (N, C1, ..., Ck) at the indices (N, U, k), (N, U). */
function gatherTuples(tensor: Symbolic, indices: Symbolic): Symbolic {
  if (tensor.rank - 1 !== indices.shape?.[2]) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected units with an index for each axis of the logits ${tensor} but received ${indices}.`,
    );
  }
  const first = stridedSlice(indices, [0, 0, 0], [0, 0, 1], { beginMask: 7, endMask: 3 });
  const samples = reshape(range(sizeOf(tensor, 0)), [-1, 1, 1]);
  return gatherNd(tensor, concat([add(zerosLike(first), samples), indices], -1));
}
