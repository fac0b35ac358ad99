/**
 * What a Keras layer class is here: its names, the order of its variables, and a function that returns the layer as a
 * function of symbolic tensors. A family of classes is one file of `layers/`.
 */
import type { DType } from '../binding/contract.js';
import type { Symbolic } from '../graph/symbolic.js';
import type { Config, JsonObject } from './config.js';

/** A variable of a layer. */
export interface VariableSpec {
  /** As Keras names the variable, without the layer: 'kernel', 'moving_mean'. */
  readonly name: string;
  /** Keras stores trainable variables before all others. Default true. */
  readonly trainable?: boolean;
  /**
   * Whether the variable is also one of a sublayer. Keras 3 stores the variable for both layers in `.keras` files, and
   * once in lists of weights. Default false.
   */
  readonly isShared?: boolean;
}

/** A layer within a layer, whose variables are stored with those of the outer layer. */
export interface SublayerSpec {
  /** The attribute of the outer layer that holds the sublayer, as `.keras` files name the group: 'forward_layer'. */
  readonly attribute: string;
  /** The serialised sublayer: `class_name`, `config` and, from Keras 3 on, `module`. */
  readonly layer: JsonObject;
}

/** An argument of a call: symbolic tensors in the lists and objects of the call, and plain values. */
export type Argument = Symbolic | null | boolean | number | string | readonly Argument[] | ArgumentObject;
export interface ArgumentObject {
  readonly [key: string]: Argument;
}

/** The arguments of one call of a layer beside its inputs. */
export interface LayerCall {
  /** All positional arguments. The symbolic tensors of `args[0]` are the inputs. */
  readonly args: readonly Argument[];
  readonly kwargs: ArgumentObject;
  /** The mask of each input, a bool tensor (N, T), or null. */
  readonly masks: readonly (Symbolic | null)[];
  /** Returns the mask of any tensor of the call, for layers whose inputs are several arguments. Default: none. */
  readonly maskOf?: (tensor: Symbolic) => Symbolic | null;
}

/** A layer as a function of symbolic tensors. `inputs` are the symbolic tensors of the first argument, in order. */
export type LayerFunction = (inputs: readonly Symbolic[], call: LayerCall) => Symbolic | readonly Symbolic[];

/** A layer that was built: its function and its masks. */
export interface BuiltLayer {
  readonly name: string;
  readonly kind: LayerKind;
  readonly config: Config;
  readonly call: LayerFunction;
  /** Returns the masks of `outputs`. */
  masksOf(outputs: readonly Symbolic[], inputs: readonly Symbolic[], call: LayerCall): (Symbolic | null)[];
}

/** What a layer is built from. */
export interface LayerParts {
  readonly config: Config;
  /** The layer's own variables by name, in the layer's compute dtype unless the kind `keepsDtypes`. */
  readonly weights: Readonly<Record<string, Symbolic>>;
  /** The sublayers, by attribute. */
  readonly sublayers: Readonly<Record<string, BuiltLayer>>;
  /** The dtype in which the layer computes: 'float16' under the policy 'mixed_float16'. */
  readonly dtype: DType;
  /** The major version of the Keras that wrote the file: 1, 2 or 3. */
  readonly kerasVersion: number;
}

export interface LayerKind {
  /** The class names by which files name the layer, the current name first. */
  readonly names: readonly string[];
  /** The variables that the config leads to, in the order of Keras' `add_weight`. Default: none. */
  variables?(config: Config, kerasVersion: number): readonly VariableSpec[];
  /** The sublayers, in the order in which Keras tracks them. Default: none. */
  sublayers?(config: Config): readonly SublayerSpec[];
  /** Returns the layer as a function. Called once per layer, while the model is recorded. */
  build(parts: LayerParts): LayerFunction;
  /**
   * The mask of the output. 'pass': that of the first input (Keras' `supports_masking`). 'drop' (the default): none.
   * Otherwise a function, Keras' `compute_mask`.
   */
  readonly mask?:
    | 'pass'
    | 'drop'
    | ((
        parts: LayerParts,
        inputs: readonly Symbolic[],
        call: LayerCall,
      ) => Symbolic | null | (Symbolic | null)[]);
  /** Whether the layer computes something else in training. A file of Keras 2 that asks for that is refused. */
  readonly dependsOnTraining?: boolean;
  /** Whether the kind is an operation of `keras.ops`, which is no layer: Keras stores no weights for it. */
  readonly isOperation?: boolean;
  /** Whether floating inputs and variables are passed as they are, not cast to the compute dtype. Default false. */
  readonly keepsDtypes?: boolean;
}
