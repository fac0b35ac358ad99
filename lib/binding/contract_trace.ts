/** The part of the contract about recordings and their compilation. See `contract.ts`. */
import type { NativeModel } from './contract_model.js';
import type { NativeFunction } from './contract_run.js';
import type { NativeStrategy } from './contract_strategy.js';
import type { DType, NativeTensor, StaticShape } from './contract_tensors.js';

/** A symbolic tensor of a trace. Ids are unique within a tree of traces. */
export interface NativeSymbol {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/** An op attribute. Type and length attributes that follow from the inputs (T, N) need not be given. */
export type NativeAttr =
  | boolean
  | string
  | { readonly int: number }
  | { readonly float: number }
  | { readonly dtype: DType }
  | { readonly shape: StaticShape }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly dtypes: readonly DType[] }
  | { readonly shapes: readonly StaticShape[] };

/** The recording of a method (native/trace/trace.h). All calls are synchronous and take microseconds. */
export interface NativeTrace {
  placeholder(dtype: DType, shape: StaticShape, name: string): NativeSymbol;
  /**
   * Copies `data`, the elements of `shape` in the layout of the dtype. A constant of dtype string must be a scalar:
   * `data` holds the bytes of one string.
   */
  constant(dtype: DType, shape: readonly number[], data: ArrayBufferView): NativeSymbol;
  op(
    type: string,
    inputs: readonly (number | readonly number[])[],
    attrs: Readonly<Record<string, NativeAttr>>,
  ): NativeSymbol[];
  /** `outputs`: tensors ("node:index") or weights of the model, by name. */
  callModel(model: NativeModel, inputs: readonly number[], outputs: readonly string[]): NativeSymbol[];
  /** `gradYs`: ids, where `-1` means ones. An empty list means ones for all ys. */
  gradient(
    ys: readonly number[],
    xs: readonly number[],
    gradYs: readonly number[],
    overrides: Readonly<Record<string, string>>,
  ): NativeSymbol[];
  /** Returns one gradient per x. */
  beginJacobian(
    ys: number,
    xs: readonly number[],
    overrides: Readonly<Record<string, string>>,
  ): { body: NativeTrace; gradients: NativeSymbol[] };
  endJacobian(body: NativeTrace, value: number): NativeSymbol;
  /** Begins a loop over `index` = 0 .. `count` - 1 that stacks its values. `count` is an int32 scalar. */
  beginStack(count: number): { body: NativeTrace; index: NativeSymbol };
  endStack(body: NativeTrace, value: number): NativeSymbol;
  body(): NativeTrace;
  /** `count`: the number of turns, an int32 scalar, for `NativeRun.progress`, or -1 if unknown. */
  whileLoop(
    condition: NativeTrace,
    conditionResult: number,
    body: NativeTrace,
    bodyResults: readonly number[],
    initial: readonly number[],
    count: number,
  ): NativeSymbol[];
  /**
   * Encodes what the recording computes for `fetches`. Two encodings are equal if and only if the recordings are equal
   * (native/trace/encode.h). Equations that `fetches` do not need are omitted. Equal equations are merged.
   */
  encode(fetches: readonly number[]): Uint8Array;
  /** Returns the equations that `fetches` need as text, or all equations without `fetches` (native/trace/print.h). */
  print(fetches?: readonly number[]): string;
  /**
   * Builds the graph and its session on a background thread. The feeds are the placeholders of the trace, in the order
   * of their creation. The trace must not be used afterwards.
   *
   * `wholeFeeds`: the positions of feeds that every shard receives whole. Feeds with a scalar placeholder are always
   * whole. All other feeds are split along axis 0. Rejects with INVALID_ARGUMENT for a position that no feed has.
   */
  compile(
    fetches: readonly number[],
    options: NativeSessionOptions,
    wholeFeeds?: readonly number[],
  ): Promise<NativeFunction>;
  /** Begins the names of the ops that are recorded from now on, for example with "conv1/". */
  beginNamesWith(scope: string): void;
  /**
   * Makes a model of the recording, on a background thread. The trace must not be used afterwards. Rejects with
   * INVALID_ARGUMENT if the parts do not fit the recording.
   */
  toModel(parts: NativeModelParts): Promise<NativeModel>;
}

export interface NativeNamedSymbol {
  readonly name: string;
  readonly id: number;
}

/** The parts of a model that a trace recorded (native/trace/recorded_model.h). */
export interface NativeModelParts {
  /** Placeholders of the trace. */
  readonly inputs: readonly NativeNamedSymbol[];
  readonly outputs: readonly NativeNamedSymbol[];
  /** Placeholders of the trace, and their values. The values must not be written afterwards, but may be released. */
  readonly weights: readonly (NativeNamedSymbol & { readonly value: NativeTensor })[];
  readonly layers: readonly {
    readonly name: string;
    readonly path: readonly string[];
    readonly type: string;
    /** The names of the layer's weights. */
    readonly weights: readonly string[];
    /** `scope`: the beginning of the names of the call's ops, for example "block/conv1/". */
    readonly calls: readonly {
      readonly scope: string;
      readonly inputs: readonly number[];
      readonly outputs: readonly number[];
    }[];
  }[];
  readonly fingerprint?: string | undefined;
}

export interface NativeSessionOptions {
  /** The number of threads that one op may use. */
  readonly intraOp: number;
  /** The strategy that runs the function. Workers of a strategy refuse `checkNumerics` (UNIMPLEMENTED). */
  readonly strategy: NativeStrategy;
  /**
   * Whether the floating-point outputs of every op are checked. A run rejects at the first NaN or Inf with an Error
   * that has `numerics`. native/numerics/numerics_checks.h lists the exceptions. Default false.
   */
  readonly checkNumerics?: boolean | undefined;
  /**
   * Whether convolutions and matrix products may be computed in bfloat16 (native/rewrite/bfloat16.h). Default false.
   */
  readonly bfloat16?: boolean | undefined;
  /** How many of the fetches, from the first on, are logits, which stay in float32 with `bfloat16`. Default: all. */
  readonly logits?: number | undefined;
  /** Whether XLA compiles the ops that XLA supports, at the first run of each size. Default false. */
  readonly jitCompile?: boolean | undefined;
}
