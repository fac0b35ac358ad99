/** What a model is made of, by name: tensors of its graph, and the Keras layers that they lie between. */
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
  /** The names of the nested models around it, outermost first, and its own. */
  readonly path: readonly string[];
  /** The Keras class, as 'Conv2D'. */
  readonly type: string;
  /** What enters and leaves its last call. */
  readonly input: readonly TensorSpec[];
  readonly output: readonly TensorSpec[];
  /** All of its calls, in order. */
  readonly calls: readonly LayerCall[];
  readonly weights: readonly TensorSpec[];
}
