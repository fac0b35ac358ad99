/** Linear algebra. */
import { constant, type Operand, op, promote } from '../operand.js';
import type { Symbolic } from '../symbolic.js';

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** The product of the matrices in the last two axes; axes before them broadcast. */
export function matmul(
  a: Operand,
  b: Operand,
  { transposeA = false, transposeB = false }: MatmulOptions = {},
): Symbolic {
  return op('BatchMatMulV2', promote(a, b), { adj_x: transposeA, adj_y: transposeB });
}

/**
 * Einstein summation over one or two operands, as `einsum('b...k,bck->b...c', activations, weights)`: axes that
 * the result lacks are summed over, `...` stands for any axes, which broadcast.
 */
export function einsum(equation: string, ...operands: readonly Operand[]): Symbolic {
  const compact = equation.replaceAll(' ', '');
  return op('Einsum', [operands.map((operand) => constant(operand))], { equation: compact });
}
