/** Operations of `keras.ops` that sum products: of vectors, matrices and tensors. */
import { constant, op } from '../../graph/operand.js';
import { multiply, subtract } from '../../graph/ops/arithmetic.js';
import { expandDims, reshape, squeeze, stack } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import { einsum, matmul } from '../../graph/ops/math.js';
import { reduceSum } from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import type { Arguments } from './arguments.js';
import { type Compute, type Operation, operations } from './operation.js';
import { asFloating, promoted } from './promotion.js';

type Binary = (x: Symbolic, y: Symbolic, args: Arguments) => Symbolic;

const binary =
  (compute: Binary): Compute =>
  (args) => {
    const [x, y] = promoted([args.value('x1'), args.value('x2')]) as [Symbolic, Symbolic];
    return compute(x, y, args);
  };

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letters = (count: number, from = 0) => LETTERS.slice(from, from + count);

/** Returns NumPy's matmul. A vector is a row before a matrix, and a column behind a matrix. */
const product: Binary = (x, y) => {
  if (x.rank === 2 && y.rank === 2) return op('MatMul', [x, y], { transpose_a: false, transpose_b: false });
  if (x.rank === 1 && y.rank === 1) return reduceSum(multiply(x, y));
  if (x.rank === 1) return squeeze(matmul(expandDims(x, 0), y), -2);
  if (y.rank === 1) return squeeze(matmul(x, expandDims(y, 1)), -1);
  return matmul(x, y);
};

/** Returns Σ x · y over pairs of axes: the other axes of x, then those of y. */
function contracted(x: Symbolic, y: Symbolic, axesX: readonly number[], axesY: readonly number[]): Symbolic {
  const namesX = [...letters(x.rank)];
  const namesY = [...letters(y.rank, x.rank)];
  axesX.forEach((axis, i) => {
    namesY[positiveAxis(axesY[i] as number, y.rank)] = namesX[positiveAxis(axis, x.rank)] as string;
  });
  const shared = new Set(namesX.filter((name) => namesY.includes(name)));
  const rest = [...namesX, ...namesY].filter((name) => !shared.has(name));
  return einsum(`${namesX.join('')},${namesY.join('')}->${rest.join('')}`, x, y);
}

const tensordot: Binary = (x, y, args) => {
  const axes = args.get('axes') ?? 2;
  if (typeof axes === 'number') {
    if (!(axes >= 0 && axes <= Math.min(x.rank, y.rank)))
      args.refuse('axes', 'a number of axes of both tensors');
    const count = Array.from({ length: axes }, (_, i) => i);
    return contracted(
      x,
      y,
      count.map((i) => x.rank - axes + i),
      count,
    );
  }
  const lists = Array.isArray(axes) ? axes.map((each) => (Array.isArray(each) ? each : [each])) : [];
  if (lists.length !== 2 || !lists.flat().every((each) => Number.isSafeInteger(each))) {
    args.refuse('axes', 'an integer or two lists of axes');
  }
  return contracted(x, y, lists[0] as number[], lists[1] as number[]);
};

const dot: Binary = (x, y) => {
  if (x.rank === 0 || y.rank === 0) return multiply(x, y);
  return contracted(x, y, [-1], [y.rank === 1 ? 0 : -2]);
};

const inner: Binary = (x, y) =>
  x.rank === 0 || y.rank === 0 ? multiply(x, y) : contracted(x, y, [-1], [-1]);

const outer: Binary = (x, y) => multiply(reshape(x, [-1, 1]), reshape(y, [1, -1]));

/** The maximum number of operands of an Einstein summation. */
const MOST_OPERANDS = 16;

/** Returns the Einstein summation. Three or more operands are summed pair by pair, from left to right. */
const summation: Compute = (args) => {
  const operands = promoted(args.values('operands'));
  const equation = args.string('subscripts').replaceAll(' ', '');
  if (operands.length > MOST_OPERANDS) args.refuse('operands', `a list of at most ${MOST_OPERANDS} tensors`);
  const [from = '', to] = equation.split('->');
  let terms = from.split(',');
  const result = to ?? impliedResult(terms);
  let [first, ...rest] = operands as [Symbolic, ...Symbolic[]];
  if (terms.length !== operands.length)
    args.refuse('subscripts', `an equation of ${operands.length} operands`);
  if (rest.length === 0) return einsum(`${terms[0]}->${result}`, first);
  while (rest.length > 0) {
    const [a, b, ...others] = terms as [string, string, ...string[]];
    // A letter stays as long as a later operand or the result has it.
    const needed = [...others, result].join('');
    const kept = rest.length === 1 ? result : keptLetters(a + b, needed);
    first = einsum(`${a},${b}->${kept}`, first, rest[0] as Symbolic);
    rest = rest.slice(1);
    terms = [kept, ...others];
  }
  return first;
};

function keptLetters(letters: string, needed: string): string {
  const kept = [...new Set(letters.replaceAll('.', ''))].filter((each) => needed.includes(each)).join('');
  return letters.includes('...') ? `...${kept}` : kept;
}

/** Returns the result of an equation without an arrow: the letters that occur once, in alphabetical order. */
function impliedResult(terms: readonly string[]): string {
  const all = terms.join('').replaceAll('.', '');
  const once = [...new Set(all)].filter((each) => all.split(each).length === 2).sort();
  return `${terms.some((term) => term.includes('...')) ? '...' : ''}${once.join('')}`;
}

const cross: Binary = (x, y, args) => {
  for (const name of ['axis', 'axisa', 'axisb', 'axisc']) {
    if (args.integer(name, -1) !== -1) args.refuse(name, 'the last axis');
  }
  const at = (z: Symbolic, i: number) => gather(z, constant(i, 'int32'), { axis: z.rank - 1 });
  const minor = (i: number, j: number) =>
    subtract(multiply(at(x, i), at(y, j)), multiply(at(x, j), at(y, i)));
  if (x.shape?.at(-1) !== 3 || y.shape?.at(-1) !== 3)
    args.refuse('x1', 'a tensor of vectors with 3 components');
  return stack([minor(1, 2), minor(2, 0), minor(0, 1)], -1);
};

/** A function of square matrices, which are the last two axes. */
const ofMatrices =
  (type: string): Compute =>
  (args) =>
    op(type, [asFloating(args.value('x'))]);

export const PRODUCT_OPERATIONS: readonly Operation[] = [
  ...operations('x1 x2', {
    Matmul: binary(product),
    Dot: binary(dot),
    Tensordot: binary(tensordot),
    Inner: binary(inner),
    Vdot: binary((x, y) => reduceSum(multiply(reshape(x, [-1]), reshape(y, [-1])))),
    Outer: binary(outer),
    Cross: binary(cross),
  }),
  ...operations('operands*', { Einsum: summation }),
  ...operations('x', {
    Inv: ofMatrices('MatrixInverse'),
    Det: ofMatrices('MatrixDeterminant'),
  }),
];
