/** The types of methods and filters: plain functions of symbolic tensors. */
import type { NativeChainLink } from '../binding/contract.js';
import type { LayerInfo, TensorSpec } from './layer.js';
import type { Symbolic } from './symbolic.js';

/** A list of at least `N` symbolic tensors. */
export type AtLeast<N extends number, Seen extends Symbolic[] = []> = number extends N
  ? readonly [Symbolic, ...Symbolic[]]
  : Seen['length'] extends N
    ? readonly [...Seen, ...Symbolic[]]
    : AtLeast<N, [...Seen, Symbolic]>;

/** The inputs of a model inside a method: one tensor, all inputs in the model's order, or a record by input name. */
export type SymbolicInputs = Symbolic | readonly Symbolic[] | Readonly<Record<string, Symbolic>>;

/**
 * The model inside a method. A call adds the model's layers to the graph, on the given inputs. The model may be called
 * any number of times, and all calls share the weights.
 *
 * - `inputs`: one tensor in place of the explained input (other inputs of the model come from the batch), all inputs in
 *   the model's order, or a record by input name.
 * - `atLeast`: the number of outputs that the method needs. A model with fewer outputs is refused, and the error refers
 *   to `expose`. Default: 1.
 *
 * Returns the model's outputs: `[logits, activations]` for an exposed model.
 */
export interface SymbolicModel {
  <N extends number = 1>(inputs: SymbolicInputs, atLeast?: N): AtLeast<N>;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LayerInfo[];
  /**
   * Whether an output of one sample depends on the other samples of its batch. A method that calls such a model with
   * other samples than those of the batch, for example with several masked copies of a sample, gets other outputs.
   */
  readonly mixesSamples: boolean;
  /**
   * Returns this model with further outputs after its own outputs: tensors of layers (`layer.output`) and weights
   * (`layer.weights`), by their specs. `atLeast` counts the model's own outputs only.
   */
  withTensors(tensors: readonly TensorSpec[]): SymbolicModel;
  /** @internal The names of the tensors of the graph that are the `outputs`. */
  readonly outputTensors: readonly string[];
  /** @internal Returns whether any of `outputs` is computed from any of the tensors `from`. */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
  /** @internal Returns the tensors whose units are those of `output`, from `output` back. */
  outputChain(output: string): readonly NativeChainLink[];
  /** @internal Returns the last computed tensor with several positions on which `output` depends, or null. */
  lastWithPositions(output: string): string | null;
  /** @internal Returns the spec of a tensor of the graph, or null. */
  tensorSpec(name: string): TensorSpec | null;
  /** @internal Returns the biases on which `outputs` depend, or only the biases between `within` and `outputs`. */
  biasTerms(outputs: readonly string[], within: readonly string[]): readonly BiasTerm[];
}

/** A bias of a model: a term that is computed from weights alone and added to a tensor. */
export interface BiasTerm {
  /** The sum. */
  readonly tensor: TensorSpec;
  /** The tensors from which the bias is computed. */
  readonly operands: readonly TensorSpec[];
  /** Returns the bias for the values of `operands`, in a shape that broadcasts to `tensor`. */
  value(operands: readonly Symbolic[]): Symbolic;
}

/** The arguments that `explain` passes to every method, beside the method's own parameters. */
export interface MethodArguments {
  readonly model: SymbolicModel;
  /**
   * The explained input: the first input, or the input that the option `input` names. (N, H, W, C), in the model's
   * dtype.
   */
  readonly inputs: Symbolic;
  /** All inputs of the batch, in the model's order. */
  readonly allInputs: readonly Symbolic[];
  /**
   * The units to explain, int32 (N, U), or (N, U, k) if the model's first output has k > 1 axes behind the samples.
   * Default: every unit. `inspection.gatherUnits` takes both forms.
   */
  readonly indices?: Symbolic | undefined;
  /** The axis of the logits that `indices` point into: -1. */
  readonly indicesAxis: number;
  /**
   * The number of leading axes that logits and `indices` share. -1 stands for all axes of `indices` except the last.
   */
  readonly indicesBatchDims: number;
  /**
   * The axes of positions of the inputs (N, ...positions, C) and of maps (N, ...positions, U): `[-3, -2]` for images.
   * Vectors (N, F) have no channels. Their features are the positions, and `[-2]` is the axis of maps (N, F, U).
   */
  readonly spatialAxis: readonly number[];
}

/** The results of a method. */
export interface MethodResult {
  /** The explained units' logits, (N, U). */
  readonly logits: Symbolic;
  /** A map for each unit, (N, H', W', U). */
  readonly maps: Symbolic;
  /** Further results by name, for example a completeness gap or a standard error. Axis 0 of each is the samples. */
  readonly extras?: Readonly<Record<string, Symbolic>> | undefined;
}

/** An explaining method with its own parameters `P`. */
export type Method<P extends object = object> = (args: MethodArguments & P) => MethodResult;

/** Any method, whatever its parameters. */
export type AnyMethod = (args: never) => MethodResult;

/** The own parameters of a method, without the arguments that every method receives. */
export type MethodParameters<M extends AnyMethod> = [Parameters<M>[0]] extends [never]
  ? object
  : Omit<Parameters<M>[0], keyof MethodArguments>;

/**
 * A method with the parameters of `M`. The type is conditional, so that the compiler infers the parameters from the
 * method that `smooth` or `tta` receives, and not from the enclosing `explain`.
 */
export type MethodLike<M extends AnyMethod> = M extends (args: infer A) => MethodResult
  ? (args: A) => MethodResult
  : never;

/**
 * A filter: returns maps (N, H, W, U) of the same shape. It runs before maps are resized. `axis` holds the axes of
 * positions.
 */
export type Filter = (maps: Symbolic, axis?: readonly number[]) => Symbolic;
