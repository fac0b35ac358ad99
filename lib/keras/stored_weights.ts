/** The weights of a model file before they are read: a tree of arrays, of which only dtypes and shapes are known. */
import type { DType } from '../binding/contract.js';

/** An array of the file. The readers of `formats/` attach what they need to find its bytes. */
export interface StoredArray {
  /** As the file names the array: 'dense/kernel:0', 'kernel', or 'layers/dense/vars/0', the full path. */
  readonly name: string;
  /** The dtype of the loaded weight, after dequantisation. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The number of the array in the file's index. */
  readonly index: number;
}

/**
 * The weights of a whole model.
 *
 * - 'groups': the weights of each layer of the outermost model by the layer's name, in the order of `layer.weights`
 *   (trainable variables first), those of nested models and sublayers included. HDF5 files of Keras 1 and 2, and `.h5`
 *   files of Keras 3.
 * - 'tree': by attributes, as `.keras` and `.weights.h5` files of Keras 3 store them: 'layers/dense_1/vars/0'. The keys
 *   are the full paths.
 * - 'flat': one list by name, as TensorFlow.js stores them: 'dense/kernel'.
 */
export type StoredWeights =
  | { readonly layout: 'groups'; readonly groups: ReadonlyMap<string, readonly StoredArray[]> }
  | { readonly layout: 'tree'; readonly arrays: ReadonlyMap<string, StoredArray> }
  | { readonly layout: 'flat'; readonly arrays: ReadonlyMap<string, StoredArray> };
