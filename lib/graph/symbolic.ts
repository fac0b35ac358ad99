import type { DType, StaticShape } from '../binding/contract.js';
import { GraphError } from '../support/errors.js';

/** @internal A recording, or the body of a loop in one. */
export interface SymbolScope {
  /** Whether it still records. */
  readonly isOpen: boolean;
}

/**
 * A tensor of a graph that is being recorded: what methods, filters and ops compute with. It has a dtype and the
 * shape that TensorFlow infers (`null` where a size is known only at run time), and no values.
 */
export class Symbolic {
  readonly dtype: DType;
  /** Sizes, `null` where unknown; `null` in place of the whole where even the rank is unknown. */
  readonly shape: StaticShape;
  /** @internal Its number in the native trace. */
  readonly id: number;
  /** @internal What recorded it. */
  readonly scope: SymbolScope;

  /** @internal */
  constructor(scope: SymbolScope, id: number, dtype: DType, shape: StaticShape) {
    this.scope = scope;
    this.id = id;
    this.dtype = dtype;
    this.shape = shape;
  }

  /** The number of axes. Throws GraphError where it is not known before run time. */
  get rank(): number {
    if (this.shape === null) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        'The rank of this tensor is unknown before run time. Give it one with `ops.reshape`.',
      );
    }
    return this.shape.length;
  }

  toString(): string {
    return `${this.dtype} ${describeShape(this.shape)}`;
  }
}

/** A shape as messages write it: `(null, 96, 96, 3)`. */
export function describeShape(shape: StaticShape): string {
  return shape === null ? '(unknown rank)' : `(${shape.map((size) => size ?? 'null').join(', ')})`;
}

/** Axis `axis` of `rank` axes counted from 0. Throws GraphError where there is none. */
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
