/** The descriptions of a model's tensors and Keras layers. */
import type { NativeTensorSpec } from '../binding/contract.js';

/**
 * Name, dtype and shape of an input, an output, a layer's tensor or a weight; `null` for sizes known only at run time.
 */
export type TensorSpec = NativeTensorSpec;

/** One use of a layer ("node" in Keras). A shared layer has several. */
export interface LayerCall {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A Keras layer of a model. */
export interface LayerInfo {
  /** As `model.summary()` shows it. */
  readonly name: string;
  /** The names of the enclosing models, outermost first, and the name of the layer. */
  readonly path: readonly string[];
  /** The Keras class, for example 'Conv2D'. */
  readonly type: string;
  /** The inputs of the last call. */
  readonly input: readonly TensorSpec[];
  /** The outputs of the last call. */
  readonly output: readonly TensorSpec[];
  /** All calls of the layer, in order. */
  readonly calls: readonly LayerCall[];
  readonly weights: readonly TensorSpec[];
}

/** Returns whether all samples share the input: its shape is (). */
export function isSharedInput({ shape }: Pick<TensorSpec, 'shape'>): boolean {
  return shape?.length === 0;
}

/** Returns the batch size that a model with these inputs was saved with, or null if it takes batches of any size. */
export function fixedBatchSize(inputs: readonly Pick<TensorSpec, 'shape'>[]): number | null {
  return inputs.find((input) => !isSharedInput(input))?.shape?.[0] ?? null;
}
