/** Records a model of a file, layer by layer, in a trace. */
import type { DType, StaticShape } from '../binding/contract.js';
import { cast, expandDims, identity, squeeze } from '../graph/ops/array.js';
import { listOf, Symbolic } from '../graph/symbolic.js';
import { Trace } from '../graph/trace.js';
import { ModelError } from '../support/errors.js';
import type { AssignedWeights } from './assign_weights.js';
import { type Config, isList } from './config.js';
import type { CustomObjects } from './custom_objects.js';
import { policyOf } from './dtype_policy.js';
import { evaluateGraph, referencesIn } from './evaluate_graph.js';
import { LayerBuilder } from './layer_builder.js';
import type { Argument, ArgumentObject, BuiltLayer, LayerCall } from './layer_kind.js';
import {
  type LayerNode,
  type ModelGraphNode,
  type NodeArgument,
  type NodeArguments,
  Reference,
} from './layer_node.js';
import { opName, UniqueNames } from './names.js';
import type { StoredArray } from './stored_weights.js';
import { sortedEntries, symbolsIn } from './symbols_in.js';

export interface RecordedTensor {
  readonly name: string;
  readonly symbol: Symbolic;
}

export interface RecordedCall {
  readonly scope: string;
  readonly inputs: readonly Symbolic[];
  readonly outputs: readonly Symbolic[];
}

export interface RecordedLayer {
  readonly name: string;
  readonly path: readonly string[];
  readonly type: string;
  readonly isModel: boolean;
  readonly weights: string[];
  readonly calls: RecordedCall[];
}

export interface RecordedModel {
  readonly inputs: readonly RecordedTensor[];
  readonly outputs: readonly RecordedTensor[];
  readonly weights: readonly (RecordedTensor & { readonly array: StoredArray })[];
  /** In the order of `model.summary()`, the layers of a nested model after the model. */
  readonly layers: readonly RecordedLayer[];
}

export interface RecordOptions {
  readonly customObjects: CustomObjects;
  /** The major version of the Keras that wrote the file. */
  readonly kerasVersion: number;
}

class Recorder {
  readonly #trace = Trace.current();
  readonly #assigned: AssignedWeights;
  readonly #kerasVersion: number;
  readonly #layers = new Map<LayerNode, RecordedLayer>();
  readonly #weights: (RecordedTensor & { readonly array: StoredArray })[] = [];
  readonly #symbols = new Map<LayerNode, Readonly<Record<string, Symbolic>>>();
  readonly #weightNames = new UniqueNames();
  readonly #scopes = new UniqueNames();
  readonly #builder: LayerBuilder;
  /** Keras' `_keras_mask` of a tensor. */
  readonly #masks = new Map<Symbolic, Symbolic>();
  /** The beginning of the names of ops, '' for the outermost model. */
  #scope = '';

  constructor(assigned: AssignedWeights, options: RecordOptions) {
    this.#assigned = assigned;
    this.#kerasVersion = options.kerasVersion;
    this.#builder = new LayerBuilder({
      ...options,
      weights: this.#symbols,
      buildModel: (node) => this.#asLayer(node),
      enter: (node, inputs, call) => this.#enter(node, inputs, call),
    });
  }

  record(root: LayerNode & { readonly model: ModelGraphNode }): RecordedModel {
    this.#declare(root.model, [], '');
    const inputs = this.#inputs(root.model);
    const symbols = this.#evaluate(
      root.model,
      inputs.map(({ symbol }) => symbol),
    );
    const names = namesOf(root.model.outputs, root.model);
    const outputs = symbols.map((symbol, i) => ({
      name: names[i] as string,
      // An output that is an input, or another output, becomes a tensor of its own.
      symbol:
        symbols.indexOf(symbol) < i || inputs.some((each) => each.symbol === symbol)
          ? identity(symbol)
          : symbol,
    }));
    return { inputs, outputs, weights: this.#weights, layers: [...this.#layers.values()] };
  }

  /** Declares the layers of a model, and their weights as parameters of the recording. `around`: the outer layers. */
  #declare(model: ModelGraphNode, around: readonly RecordedLayer[], scope: string): void {
    for (const layer of model.layers) {
      if (this.#layers.has(layer)) continue;
      // Nested models begin at tensors of other layers: their InputLayers compute nothing.
      if (layer.className !== 'InputLayer' || around.length === 0) this.#declareLayer(layer, around, scope);
    }
  }

  #declareLayer(layer: LayerNode, around: readonly RecordedLayer[], outer: string): void {
    const path = [...(around.at(-1)?.path ?? []), layer.name];
    const isModel = layer.model !== null;
    const record: RecordedLayer = {
      name: layer.name,
      path,
      type: layer.className,
      isModel,
      weights: [],
      calls: [],
    };
    const scope = `${outer}${opName(layer.name)}/`;
    const within = [...around, record];
    this.#layers.set(layer, record);
    this.#declareWeights(layer, within, scope);
    if (layer.model !== null) this.#declare(layer.model, within, scope);
    for (const inner of layer.sublayers.values()) this.#declareLayer(inner, within, scope);
  }

  #declareWeights(layer: LayerNode, within: readonly RecordedLayer[], scope: string): void {
    // As Keras 2 names variables: by the layer and its sublayers, without the models around.
    const models = within.findLastIndex((each) => each.isModel);
    const prefix = within
      .slice(models + 1)
      .map(({ name }) => name)
      .join('/');
    const symbols = Object.entries(this.#assigned.get(layer) ?? {}).map(([variable, array]) => {
      const name = this.#weightNames.make(`${prefix}/${variable}`);
      const parameter = `${scope}${variable.split('/').map(opName).join('/')}`;
      const symbol = this.#trace.placeholder(array.dtype, array.shape, parameter, true);
      this.#weights.push({ name, symbol, array });
      for (const { weights } of within) weights.push(name);
      return [variable, symbol] as const;
    });
    this.#symbols.set(layer, Object.fromEntries(symbols));
  }

  #inputs(model: ModelGraphNode): RecordedTensor[] {
    const names = namesOf(model.inputs, model);
    return referencesIn(model.inputs).map(({ to }, i) => {
      const config = model.names.get(to.layer)?.config;
      if (config === undefined)
        throw new ModelError('DATA_LOSS', `The file has no input layer '${to.layer}'.`);
      const name = names[i] as string;
      const symbol = this.#trace.placeholder(inputDType(config), inputShape(config), opName(name));
      const calls = this.#layers.get(model.names.get(to.layer) as LayerNode)?.calls;
      calls?.push({ scope: `${opName(name)}/`, inputs: [symbol], outputs: [symbol] });
      return { name, symbol };
    });
  }

  #evaluate(model: ModelGraphNode, inputs: readonly Symbolic[]): Symbolic[] {
    return evaluateGraph(model, inputs, (node, args, kwargs) => this.#call(node, args, kwargs));
  }

  /** Records one call of a layer of a model. */
  #call(node: LayerNode, args: readonly Argument[], kwargs: ArgumentObject): readonly Symbolic[] {
    const [first = kwargs.inputs ?? null] = args;
    // Keras 3 records the default of the argument too, and `predict` replaces the argument.
    if (this.#kerasVersion < 3 && kwargs.training === true && dependsOnTraining(node)) {
      node.config.refuse(
        'the model calls the layer with training=True, so its output is random or depends on the batch',
        'Save the model without that argument.',
      );
    }
    const inputs = symbolsIn(first);
    // A list of masks has a place for each input, and null where an input has no mask.
    const given: readonly Argument[] = Array.isArray(kwargs.mask) ? kwargs.mask : [kwargs.mask ?? null];
    const masks = inputs.map((input, i) => symbolsIn(given[i])[0] ?? this.#masks.get(input) ?? null);
    const maskOf = (tensor: Symbolic) => this.#masks.get(tensor) ?? null;
    return this.#enter(node, inputs, { args, kwargs, masks, maskOf });
  }

  /** Records one call of a layer or sublayer in a scope of its own. */
  #enter(node: LayerNode, inputs: readonly Symbolic[], call: LayerCall): readonly Symbolic[] {
    const outer = this.#scope;
    const scope = `${this.#scopes.make(`${outer}${opName(node.name)}`)}/`;
    // A tensor of a loop's body is no tensor of the model, and the names of a body's ops are not those of its graph.
    const inBody = Trace.current() !== this.#trace;
    this.#scope = scope;
    try {
      return Trace.current().named(scope, () => {
        const layer = this.#builder.build(node);
        const all = [...inputs, ...symbolsIn([...call.args]), ...symbolsIn(call.kwargs)];
        // A layer that returns its input has a tensor of its own in Keras, too.
        const outputs = listOf(layer.call(inputs, call)).map((each) =>
          all.includes(each) ? identity(each) : each,
        );
        layer.masksOf(outputs, inputs, call).forEach((mask, i) => {
          if (mask !== null) this.#masks.set(outputs[i] as Symbolic, mask);
        });
        if (!inBody) this.#layers.get(node)?.calls.push({ scope, inputs, outputs });
        return outputs;
      });
    } catch (error) {
      throw inLayer(node, error);
    } finally {
      this.#scope = outer;
    }
  }

  /** Returns a model as a layer of another. */
  #asLayer(node: LayerNode): BuiltLayer {
    const model = node.model as ModelGraphNode;
    const references = referencesIn(model.inputs);
    const masks = new Map<Symbolic, Symbolic | null>();
    return {
      name: node.name,
      kind: { names: [node.className], build: () => (inputs) => inputs },
      config: node.config,
      call: (tensors, { args, masks: given }) => {
        const inputs = byName(args[0], namesOf(model.inputs, model)) ?? tensors;
        if (inputs.length !== references.length) {
          throw new ModelError(
            'DATA_LOSS',
            `${node.config.owner} has ${references.length} inputs but is called with ${inputs.length}.`,
          );
        }
        const conformed = inputs.map((input, i) => {
          const config = model.names.get((references[i] as Reference).to.layer)?.config;
          const value = config === undefined ? input : conform(input, config);
          const mask = given[i] ?? null;
          if (mask !== null) this.#masks.set(value, mask);
          return value;
        });
        const outputs = this.#evaluate(model, conformed);
        for (const output of outputs) masks.set(output, this.#masks.get(output) ?? null);
        return outputs;
      },
      masksOf: (outputs) => outputs.map((output) => masks.get(output) ?? null),
    };
  }
}

/** Returns whether the layer, or a layer within it, computes something else in training. */
function dependsOnTraining({ kind, model, sublayers }: LayerNode): boolean {
  return (
    kind?.dependsOnTraining === true ||
    (model?.layers ?? []).some(dependsOnTraining) ||
    [...sublayers.values()].some(dependsOnTraining)
  );
}

/** Names the layer in the error of a layer's function. */
function inLayer(node: LayerNode, error: unknown): unknown {
  if (error instanceof ModelError || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  return new ModelError(
    typeof code === 'string' ? code : 'INVALID_ARGUMENT',
    `${node.config.owner} cannot be computed: ${error.message}`,
    { cause: error },
  );
}

/** Returns a name for each reference: the keys of a dict of tensors, else the names of the layers. */
function namesOf(argument: NodeArgument, model: ModelGraphNode): string[] {
  const unique = new UniqueNames();
  const plain =
    typeof argument === 'object' &&
    argument !== null &&
    !Array.isArray(argument) &&
    !(argument instanceof Reference);
  const entries = plain ? sortedEntries(argument as NodeArguments) : [];
  if (plain && entries.every(([, each]) => each instanceof Reference)) return entries.map(([key]) => key);
  return referencesIn(argument).map(({ to }) => unique.make(model.names.get(to.layer)?.name ?? to.layer));
}

/** Returns the inputs of a model that is called with a dict of the names of its inputs, or undefined. */
function byName(argument: Argument | undefined, names: readonly string[]): Symbolic[] | undefined {
  if (typeof argument !== 'object' || argument === null || Array.isArray(argument)) return undefined;
  if (argument instanceof Symbolic) return undefined;
  const found = names.map((name) => (argument as ArgumentObject)[name]);
  return found.every((each) => each instanceof Symbolic) ? (found as Symbolic[]) : undefined;
}

function inputDType(config: Config): DType {
  return config.has('dtype') ? policyOf(config).compute : 'float32';
}

/** Returns the shape of an InputLayer: Keras 3's `batch_shape`, Keras 2's `batch_input_shape`. */
function inputShape(config: Config): StaticShape {
  for (const kind of ['ragged', 'sparse']) {
    if (config.get(kind) === true)
      config.refuse(`its input is ${kind}`, 'Only dense tensors can be explained.');
  }
  for (const name of ['batch_shape', 'batch_input_shape'] as const) {
    const shape = config.get(name);
    if (shape === undefined) continue;
    const valid =
      isList(shape) &&
      shape.every((size) => size === null || (Number.isSafeInteger(size) && (size as number) >= 0));
    return valid ? (shape as (number | null)[]) : config.fail(name, 'a list of sizes');
  }
  return config.refuse(
    'the file does not tell the shape of its input',
    'Save the model after it was built: model.build(input_shape).',
  );
}

/** Converts an input of a nested model to the dtype and rank of its InputLayer, as Keras does. */
function conform(input: Symbolic, config: Config): Symbolic {
  const dtype = inputDType(config);
  const value =
    input.dtype === dtype || dtype === 'string' || input.dtype === 'string' ? input : cast(input, dtype);
  const rank = inputShape(config)?.length;
  if (value.shape === null || rank === undefined) return value;
  if (value.shape.length === rank - 1) return expandDims(value, -1);
  return value.shape.length === rank + 1 && value.shape.at(-1) === 1 ? squeeze(value, -1) : value;
}

/**
 * Records a model in the current trace.
 *
 * @throws ModelError that names the layer: `UNIMPLEMENTED` for a class without a function, `INVALID_ARGUMENT` for
 *   weights or inputs that do not fit the layer, `DATA_LOSS` for a damaged config.
 */
export function recordModel(
  root: LayerNode,
  assigned: AssignedWeights,
  options: RecordOptions,
): RecordedModel {
  return new Recorder(assigned, options).record(root as LayerNode & { readonly model: ModelGraphNode });
}
