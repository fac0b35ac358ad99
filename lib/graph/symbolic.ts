import type { DType, StaticShape } from '../binding/contract.js';
import { GraphError } from '../support/errors.js';

/** @internal A recording, or the body of a loop in a recording. */
export interface SymbolScope {
  /** Whether the recording is still in progress. */
  readonly isOpen: boolean;
}

/**
 * A tensor of a graph in recording. Methods, filters and ops compute with symbolic tensors. A symbolic tensor has no
 * values, only a dtype and the shape that TensorFlow infers. A size that is known only at run time is `null`.
 */
export class Symbolic {
  readonly dtype: DType;
  /** The sizes of the axes, `null` for an unknown size. The whole shape is `null` if the rank is unknown. */
  readonly shape: StaticShape;
  /** @internal The number of the tensor in the native trace. */
  readonly id: number;
  /** @internal The recording that the tensor belongs to. */
  readonly scope: SymbolScope;

  /** @internal */
  constructor(scope: SymbolScope, id: number, dtype: DType, shape: StaticShape) {
    this.scope = scope;
    this.id = id;
    this.dtype = dtype;
    this.shape = shape;
  }

  /** The number of axes. Throws GraphError (`INVALID_ARGUMENT`) if the rank is unknown before run time. */
  get rank(): number {
    if (this.shape === null) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        'The rank of this tensor is unknown before run time. Give it one with `ops.reshape`.',
      );
    }
    return this.shape.length;
  }

  /** Returns the dtype and the shape, for example `float32 (null, 96, 96, 3)`. */
  toString(): string {
    return `${this.dtype} ${describeShape(this.shape)}`;
  }
}

/** @internal Returns one tensor, or a list of tensors, as a list. */
export function listOf(value: Symbolic | readonly Symbolic[]): readonly Symbolic[] {
  return Array.isArray(value) ? value : [value as Symbolic];
}

/** Returns a shape as messages show it: `(null, 96, 96, 3)`. */
export function describeShape(shape: StaticShape): string {
  return shape === null ? '(unknown rank)' : `(${shape.map((size) => size ?? 'null').join(', ')})`;
}

/** Returns `axis` as a non-negative index. Throws GraphError if a tensor of rank `rank` has no such axis. */
export function positiveAxis(axis: number, rank: number, name = 'axis'): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`${name}\` from ${-rank} to ${rank - 1} for a tensor of rank ${rank} but received ${axis}.`,
    );
  }
  return positive;
}
