/** The architecture of a model file as a tree: layers, the layers within layers, and nested models. */

import type { Config } from './config.js';
import type { Argument, LayerKind } from './layer_kind.js';

/** A tensor of a functional model: output `tensor` of call `node` of the layer named `layer`. */
export interface TensorReference {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
}

/** An argument of a recorded call. References stand for symbolic tensors. */
export type NodeArgument = Exclude<Argument, object> | Reference | readonly NodeArgument[] | NodeArguments;
export interface NodeArguments {
  readonly [key: string]: NodeArgument;
}
/** A class, so that a reference is told from an object of arguments. */
export class Reference {
  readonly to: TensorReference;
  constructor(to: TensorReference) {
    this.to = to;
  }
}

/** One call of a layer in a functional model. */
export interface NodeCall {
  readonly args: readonly NodeArgument[];
  readonly kwargs: NodeArguments;
}

/** A nested or outermost model. */
export interface ModelGraphNode {
  /** In the order of the file. */
  readonly layers: readonly LayerNode[];
  /** The layers by the names that references use. */
  readonly names: ReadonlyMap<string, LayerNode>;
  /** The calls of each layer, in order. */
  readonly calls: ReadonlyMap<LayerNode, readonly NodeCall[]>;
  readonly inputs: NodeArgument;
  readonly outputs: NodeArgument;
}

/** A layer, an operation or a model of the architecture. */
export interface LayerNode {
  readonly name: string;
  readonly className: string;
  /** The module of the class, as Keras 3 stores it ('keras.layers'), or ''. */
  readonly module: string;
  /** The name under which a custom class is registered ('package>MyLayer'), or ''. */
  readonly registeredName: string;
  readonly config: Config;
  /** Null for a model, and for a custom class. */
  readonly kind: LayerKind | null;
  /** The sublayers of `kind.sublayers`, by attribute, in their order. */
  readonly sublayers: ReadonlyMap<string, LayerNode>;
  /** The layers of a model. Null for a layer. */
  readonly model: ModelGraphNode | null;
}
