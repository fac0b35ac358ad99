/** The part of the contract about tensors. See `contract.ts`. */

/** The element types of tensors that pass between JavaScript and native code, by TensorFlow's names. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string'
  | 'variant';

/** A shape as TensorFlow infers it. A `null` dimension is unknown. A `null` shape has unknown rank. */
export type StaticShape = readonly (number | null)[] | null;

export interface NativeTensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
}

/**
 * A dense tensor in 64-byte aligned memory that TensorFlow reads and writes without a copy. `buffer` is an external
 * ArrayBuffer over this memory, and the elements begin at `byteOffset`. If the runtime refuses external ArrayBuffers,
 * `buffer` is a copy, and each run copies `buffer` back. Views of `buffer` keep the memory alive without the
 * NativeTensor. `byteLength` is 0 after `release()`.
 */
export interface NativeTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** Frees the memory and detaches `buffer`. Idempotent. A run that still reads the memory keeps the memory alive. */
  release(): void;
}
