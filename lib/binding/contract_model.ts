/** The part of the contract about loaded models. See `contract.ts`. */
import type { NativeTensor, NativeTensorSpec } from './contract_tensors.js';

export interface NativeLayerCall {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface NativeLayer {
  readonly name: string;
  readonly path: readonly string[];
  readonly type: string;
  readonly calls: readonly NativeLayerCall[];
  readonly weights: readonly string[];
}

export interface NativeBiasTerm {
  /** The name of the tensor to which the bias has just been added. `callModel` accepts this name and `operands`. */
  readonly tensor: string;
  /**
   * How the bias follows from `operands`. add: operands [b], bias b. subtract: operands [b], bias -b. batchNorm:
   * operands [scale, offset, mean, variance], bias offset - mean * scale / sqrt(variance + epsilon).
   */
  readonly kind: 'add' | 'subtract' | 'batchNorm';
  readonly operands: readonly string[];
  /** 0 unless `kind` is 'batchNorm'. */
  readonly epsilon: number;
  /** The axis of `tensor` that corresponds to the last axis of the bias: -1, or 1 for a channels-first layout. */
  readonly axis: number;
}

export interface NativeChainLink {
  readonly tensor: string;
  /** How the tensor follows from the next link. view: the same values, perhaps in another shape or dtype. */
  readonly kind: 'other' | 'view' | 'softmax' | 'sigmoid';
}

export interface NativeModel {
  /**
   * Whether the model draws random numbers. A call of the model then takes the seed of the run, an int32 scalar, after
   * `inputs`.
   */
  readonly drawsRandom: boolean;
  readonly inputs: readonly NativeTensorSpec[];
  readonly outputs: readonly NativeTensorSpec[];
  /** The tensor names ("node:index") of `inputs` and `outputs`. */
  readonly inputTensors: readonly string[];
  readonly outputTensors: readonly string[];
  /** Sentences for the user about parts of the file that the model leaves out. */
  readonly warnings: readonly string[];
  readonly layers: readonly NativeLayer[];
  readonly weights: readonly NativeTensorSpec[];
  /** Returns the spec of a tensor ("node:index") or a weight, or null for an unknown name. */
  tensorSpec(name: string): NativeTensorSpec | null;
  /**
   * Returns whether any of `outputs` is computed from any of the tensors `from`. Every tensor is computed from itself.
   * Throws NOT_FOUND for an unknown name.
   */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
  /** Returns whether any of `outputs` of one sample depends on the other samples of the batch. */
  mixesSamples(outputs: readonly string[]): boolean;
  /**
   * Returns the additive biases between the model's inputs and `outputs`, in graph order. If `within` is not empty,
   * returns the biases between the tensors `within` and `outputs`. See ModelGraph::BiasTerms in
   * native/model/model_graph.h. Throws NOT_FOUND for an unknown name.
   */
  biasTerms(outputs: readonly string[], within: readonly string[]): NativeBiasTerm[];
  /**
   * Returns the tensors whose units are those of `output`, one to one and in the same order, from `output` back. See
   * native/model/output_chain.h. Throws NOT_FOUND for an unknown name.
   */
  outputChain(output: string): NativeChainLink[];
  /**
   * Returns the last computed floating tensor (N, ...positions, C) of at least 2 positions (or an unknown number) on
   * which `output` depends, and which depends on an input. Null if there is none. Throws NOT_FOUND for an unknown name.
   */
  lastWithPositions(output: string): string | null;
  /**
   * Returns the part of the model that begins at the tensors `inputs` and ends at the tensors `outputs`, as a model of
   * its own that shares the weights. `inputNames` and `outputNames` name its inputs and outputs. Throws NOT_FOUND for
   * an unknown tensor, and INVALID_ARGUMENT for the reasons that native/model/cut_graph.h lists.
   */
  subModel(
    inputs: readonly string[],
    inputNames: readonly string[],
    outputs: readonly string[],
    outputNames: readonly string[],
  ): NativeModel;
  /** Returns the path of the innermost layer of a node or of a weight's node. Null if no layer owns the node. */
  layerOf(node: string): string[] | null;
  /** Returns a copy of a weight's value. Throws NOT_FOUND for an unknown name. */
  weight(name: string): NativeTensor;
  /**
   * Writes the model to a new file, as a frozen GraphDef that `loadModel` loads as the same model, on a background
   * thread. Rejects with ALREADY_EXISTS, NOT_FOUND, PERMISSION_DENIED or RESOURCE_EXHAUSTED if the file cannot be
   * written, and with OUT_OF_RANGE if the file would exceed 2 GiB. An incomplete file stays.
   */
  writeFrozen(path: string): Promise<void>;
  /** Frees the graph and the weights as soon as no compiled function uses them. Idempotent. */
  close(): void;
}

export interface NativeLoadOptions {
  readonly path: string;
  readonly signature?: string;
  readonly tags?: readonly string[];
  /** The input tensors of a frozen GraphDef. */
  readonly inputs?: readonly string[];
  /** The output tensors of a frozen GraphDef. */
  readonly outputs?: readonly string[];
  /**
   * Op types that the model may contain in addition to ops that only compute. `loadModel` rejects with INVALID_ARGUMENT
   * for an unknown op type.
   */
  readonly allowOps?: readonly string[];
  /** Whether the model may draw random numbers, whose seed a call takes after the inputs. Default false. */
  readonly allowRandom?: boolean;
  /**
   * A hash of the model's files, which identifies the model's weights on every machine. Workers cache weights by
   * fingerprint across runs and clients. Default: a fingerprint that is unique to this load.
   */
  readonly fingerprint?: string;
}

/** A tensor of a graph ("x" or "x:0") at which a model begins or ends, under the name that the file gives it. */
export interface NativeNamedTensor {
  readonly name: string;
  readonly tensor: string;
}

/** A frozen graph whose large weights are apart (GraphParts of native/import/frozen_graph.h). */
export interface NativeGraphParts {
  /** The file that the graph was read from, for messages. */
  readonly path: string;
  /** A serialised GraphDef. */
  readonly graph: Uint8Array;
  /**
   * The values of the graph's VariableV2 nodes, by the names of the nodes. The model shares their memory: they must not
   * be written afterwards, but may be released.
   */
  readonly variables: readonly { readonly name: string; readonly value: NativeTensor }[];
  /** Empty: the placeholders of the graph. */
  readonly inputs: readonly NativeNamedTensor[];
  /** Empty: the nodes without consumers. */
  readonly outputs: readonly NativeNamedTensor[];
  readonly allowOps?: readonly string[] | undefined;
  readonly allowRandom?: boolean | undefined;
  readonly fingerprint?: string | undefined;
}
