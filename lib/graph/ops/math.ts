/** Linear algebra. */
import { constant, type Operand, op, promote } from '../operand.js';
import type { Symbolic } from '../symbolic.js';

export interface MatmulOptions {
  /** Whether the last two axes of `a` are exchanged first. Default: false. */
  readonly transposeA?: boolean;
  /** Whether the last two axes of `b` are exchanged first. Default: false. */
  readonly transposeB?: boolean;
}

/**
 * Returns the product of matrices, which are the last two axes. The axes before them broadcast.
 *
 * @param a (..., M, K); a floating dtype, int16, int32 or int64. With `transposeA`, (..., K, M).
 * @param b (..., K, N); the dtype of `a`. With `transposeB`, (..., N, K).
 * @returns (..., M, N), in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ, a rank is below 2, the sizes K differ, or the axes
 *   before the matrices do not broadcast.
 */
export function matmul(
  a: Operand,
  b: Operand,
  { transposeA = false, transposeB = false }: MatmulOptions = {},
): Symbolic {
  return op('BatchMatMulV2', promote(a, b), { adj_x: transposeA, adj_y: transposeB });
}

/**
 * Returns an Einstein summation over one or two operands. Each letter of `equation` names an axis. Axes that the result
 * does not name are summed over. `...` stands for any number of axes, which broadcast.
 *
 * @param equation the axes of each operand with commas between the operands, `->`, and the axes of the result. Spaces
 *   are ignored. The arrow is required.
 * @param operands one or two tensors of one dtype: floating, int32 or int64. Numbers and nested arrays are float32,
 *   also beside a tensor of another dtype.
 * @returns a tensor of the named axes, in the dtype of the operands.
 * @throws GraphError (`INVALID_ARGUMENT`) for another number of operands, an equation that does not fit their ranks,
 *   axes of one letter that differ in size, and dtypes that differ.
 * @example
 * // Weighs the channels k of activations (N, H, W, K) with weights (N, U, K): (N, H, W, U).
 * const maps = ops.einsum('b...k,bck->b...c', activations, weights);
 */
export function einsum(equation: string, ...operands: readonly Operand[]): Symbolic {
  const compact = equation.replaceAll(' ', '');
  return op('Einsum', [operands.map((operand) => constant(operand))], { equation: compact });
}
