/** What an explaining method and a filter are: plain functions over symbolic tensors. */
import type { LayerInfo, TensorSpec } from './layer.js';
import type { Symbolic } from './symbolic.js';

/** A list of `N` symbolic tensors or more. */
export type AtLeast<N extends number, Seen extends Symbolic[] = []> = number extends N
  ? readonly [Symbolic, ...Symbolic[]]
  : Seen['length'] extends N
    ? readonly [...Seen, ...Symbolic[]]
    : AtLeast<N, [...Seen, Symbolic]>;

/** What a model may be called with inside a method. */
export type SymbolicInputs = Symbolic | readonly Symbolic[] | Readonly<Record<string, Symbolic>>;

/**
 * The model inside a method. Calling it adds its layers to the graph, on the given inputs, and may be done any
 * number of times: the weights are shared.
 *
 * - `inputs`: one tensor in place of the explained input (the other inputs of a model that has several are taken
 *   from the batch), all inputs in the model's order, or a record by input name.
 * - `atLeast`: how many outputs the method needs (1). A model with fewer is refused, with a word on `expose`.
 *
 * Returns the model's outputs, for an exposed model `[logits, activations]`.
 */
export interface SymbolicModel {
  <N extends number = 1>(inputs: SymbolicInputs, atLeast?: N): AtLeast<N>;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LayerInfo[];
  /**
   * This model with further outputs after its own: tensors of its layers (`layer.output`) and weights
   * (`layer.weights`), by their specs. `atLeast` still counts its own.
   */
  withTensors(tensors: readonly TensorSpec[]): SymbolicModel;
  /** @internal The graph's tensors behind `outputs`. */
  readonly outputTensors: readonly string[];
  /** @internal Whether any of `outputs` is computed from any of the tensors `from`. */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
  /** @internal The biases on the way to `outputs`; where `within` names tensors, those between the two. */
  biasTerms(outputs: readonly string[], within: readonly string[]): readonly BiasTerm[];
}

/** A bias somewhere in a model: a constant made of weights that is added to a tensor. */
export interface BiasTerm {
  /** The tensor that the sum is. */
  readonly tensor: TensorSpec;
  /** The tensors that the bias is made of. */
  readonly operands: readonly TensorSpec[];
  /** The bias, of a shape that broadcasts to `tensor`, from the values of `operands`. */
  value(operands: readonly Symbolic[]): Symbolic;
}

/** What `explain` passes to every method, beside the method's own parameters. */
export interface MethodArguments {
  readonly model: SymbolicModel;
  /** The explained input (of several, the first or the one named) as the model takes it: (N, H, W, C), in its dtype. */
  readonly inputs: Symbolic;
  /** All inputs of the batch, in the model's order. */
  readonly allInputs: readonly Symbolic[];
  /** The units to explain, int32 (N, U); absent: every unit. */
  readonly indices?: Symbolic | undefined;
  /** The axis of the logits that `indices` point into: -1. */
  readonly indicesAxis: number;
  /** How many leading axes logits and `indices` share; -1: all of the indices' but the last. */
  readonly indicesBatchDims: number;
  /**
   * The axes that hold positions, of the inputs (N, ...positions, C) and of maps (N, ...positions, U): `[-3, -2]` of
   * images. Vectors (N, F) have no channels: their features are the positions, `[-2]` of maps (N, F, U).
   */
  readonly spatialAxis: readonly number[];
}

export interface MethodResult {
  /** The explained units' logits, (N, U). */
  readonly logits: Symbolic;
  /** A map per unit, (N, H', W', U). */
  readonly maps: Symbolic;
  /** What else the method has to say, by name: a completeness gap, a standard error. Axis 0 of each is the samples. */
  readonly extras?: Readonly<Record<string, Symbolic>> | undefined;
}

/** An explaining method with parameters `P` of its own. */
export type Method<P extends object = object> = (args: MethodArguments & P) => MethodResult;

/** Any method, whatever its parameters. */
export type AnyMethod = (args: never) => MethodResult;

/** The parameters that a method has beside those that every method gets. */
export type MethodParameters<M extends AnyMethod> = [Parameters<M>[0]] extends [never]
  ? object
  : Omit<Parameters<M>[0], keyof MethodArguments>;

/**
 * A method that takes what `M` takes. A conditional type, so that the compiler reads the parameters off the method that
 * is given to `smooth` or `tta`, and not off the `explain` around them.
 */
export type MethodLike<M extends AnyMethod> = M extends (args: infer A) => MethodResult
  ? (args: A) => MethodResult
  : never;

/** Works on maps (N, H, W, U) before they are resized; `axis` are the axes of positions. */
export type Filter = (maps: Symbolic, axis?: readonly number[]) => Symbolic;
