/** Reads the architecture of a file into a tree of layers, in the forms of Keras 1, 2 and 3. */
import { ModelError } from '../support/errors.js';
import { Config, isList, isObject, type Json, type JsonObject } from './config.js';
import { kindOf } from './kinds.js';
import {
  type LayerNode,
  type ModelGraphNode,
  type NodeArgument,
  type NodeArguments,
  type NodeCall,
  Reference,
} from './layer_node.js';
import { snakeCase } from './snake_case.js';
import { sortedEntries } from './symbols_in.js';

/** The limits on a file. No model comes near: the deepest nesting seen is 5. */
const DEPTH = 32;
const LAYERS = 100_000;

const damaged = (what: string) =>
  new ModelError('DATA_LOSS', `The file's architecture is damaged or of an unknown version: ${what}.`);

function refuse(what: string): never {
  throw damaged(what);
}

/**
 * Whether a serialised object is an operation of Keras 3, whose module HDF5 files lack: calls are those of Keras 3, and
 * the config has no entry `trainable`, which every layer has.
 */
function isOperationWithoutModule({ inbound_nodes: calls }: JsonObject, entries: JsonObject): boolean {
  const call = isList(calls) ? calls[0] : undefined;
  return isObject(call) && isList(call.args) && !Object.hasOwn(entries, 'trainable');
}

/** Reads serialised objects of one file. */
class Reader {
  #layers = 0;

  node(value: Json | undefined, depth: number, outer: string): LayerNode {
    if (!isObject(value) || typeof value.class_name !== 'string') {
      throw damaged(`expected a layer with a \`class_name\` in ${outer}`);
    }
    if (depth > DEPTH) throw damaged(`models and layers are nested more than ${DEPTH} deep`);
    this.#layers += 1;
    if (this.#layers > LAYERS) throw damaged(`it has more than ${LAYERS} layers`);
    const className = value.class_name;
    const module = typeof value.module === 'string' ? value.module : '';
    const registeredName = typeof value.registered_name === 'string' ? value.registered_name : '';
    // Keras 1 and early versions of Keras 2 store a list of layers as the config of a Sequential.
    const entries = isList(value.config) ? { layers: value.config } : value.config;
    if (!isObject(entries)) throw damaged(`expected an object for the config of a ${className} in ${outer}`);
    const name = [entries.name, value.name].find((each) => typeof each === 'string') ?? snakeCase(className);
    const built: JsonObject = isObject(value.build_config) ? { build_config: value.build_config } : {};
    const config = new Config({ ...built, ...entries }, `layer '${name}' (${className})`);
    const fields = { name: name as string, className, module, registeredName, config };
    const model = this.#model(fields, depth);
    const kind = model === null ? kindOf(module, className, isOperationWithoutModule(value, entries)) : null;
    const sublayers = new Map<string, LayerNode>();
    for (const { attribute, layer } of kind?.sublayers?.(config) ?? []) {
      sublayers.set(attribute, this.node(layer, depth + 1, config.owner));
    }
    return { ...fields, kind, sublayers, model };
  }

  /** Returns the graph of a model, or null for a layer. A subclass of a functional model is stored like one. */
  #model(
    { className, config }: { readonly className: string; readonly config: Config },
    depth: number,
  ): ModelGraphNode | null {
    const layers = config.get('layers');
    if (!isList(layers)) return null;
    if (config.has('input_layers') && config.has('output_layers'))
      return this.#functional(config, layers, depth);
    return className === 'Sequential' || className.endsWith('Sequential')
      ? this.#sequential(config, layers, depth)
      : null;
  }

  #functional(config: Config, layers: readonly Json[], depth: number): ModelGraphNode {
    const nodes: LayerNode[] = [];
    const calls = new Map<LayerNode, readonly NodeCall[]>();
    const byName = new Map<string, LayerNode>();
    for (const layer of layers) {
      const node = this.node(layer, depth + 1, config.owner);
      // Within a functional model, references use the name beside the config.
      const name = isObject(layer) && typeof layer.name === 'string' ? layer.name : node.name;
      if (byName.has(name)) throw damaged(`two layers of ${config.owner} have the name '${name}'`);
      byName.set(name, node);
      nodes.push(node);
      const inbound = isObject(layer) && isList(layer.inbound_nodes) ? layer.inbound_nodes : [];
      calls.set(
        node,
        inbound.map((call) => readCall(call, config.owner)),
      );
    }
    const inputs = readArgument(config.get('input_layers'), 0);
    const outputs = readArgument(config.get('output_layers'), 0);
    return withoutFirstCalls({ layers: nodes, names: byName, calls, inputs, outputs });
  }

  /** A Sequential is a chain: every layer takes the output of the layer before. */
  #sequential(config: Config, layers: readonly Json[], depth: number): ModelGraphNode {
    const nodes = layers.map((layer) => this.node(layer, depth + 1, config.owner));
    const first = nodes[0];
    if (first === undefined)
      return { layers: [], names: new Map(), calls: new Map(), inputs: [], outputs: [] };
    if (first.className !== 'InputLayer') nodes.unshift(inputBefore(first, config));
    const calls = new Map<LayerNode, readonly NodeCall[]>();
    nodes.forEach((node, i) => {
      calls.set(node, i === 0 ? [] : [{ args: [reference(`#${i - 1}`)], kwargs: {} }]);
    });
    return {
      layers: nodes,
      names: new Map(nodes.map((node, i) => [`#${i}`, node])),
      calls,
      inputs: [reference('#0')],
      outputs: [reference(`#${nodes.length - 1}`)],
    };
  }
}

const reference = (layer: string, node = 0, tensor = 0) => new Reference({ layer, node, tensor });

/** Returns the input of a Sequential without an InputLayer: its shape stands in the first layer or in the model. */
function inputBefore(first: LayerNode, model: Config): LayerNode {
  const own = first.config.get('batch_input_shape') ?? first.config.get('batch_shape');
  const shape = own ?? model.get('build_input_shape') ?? innerShape(first) ?? dimensionOf(first.config);
  const dtype = first.config.get('input_dtype') ?? (first.className === 'Embedding' ? 'int32' : undefined);
  const name = `${first.name}_input`;
  const entries: JsonObject = {
    name,
    batch_shape: shape ?? null,
    ...(dtype === undefined ? {} : { dtype }),
  };
  return {
    name,
    className: 'InputLayer',
    module: 'keras.layers',
    registeredName: '',
    config: new Config(entries, `the input of ${model.owner}`),
    kind: null,
    sublayers: new Map(),
    model: null,
  };
}

/** Returns the input shape of a model that is the first layer of another model. */
function innerShape({ model }: LayerNode): Json | undefined {
  const inner = model?.layers[0];
  return inner?.className === 'InputLayer' ? inner.config.get('batch_shape') : undefined;
}

/** Returns the shape that Keras 1 gives by `input_dim`, and `input_length` for sequences. */
function dimensionOf(config: Config): Json | undefined {
  const size = config.get('input_dim');
  if (size === undefined) return undefined;
  if (config.has('input_length')) return [null, config.integer('input_length')];
  return [null, size];
}

/** Whether a list is a reference in the form of Keras 1 and 2: [name, node, tensor], perhaps with arguments. */
function asReference(value: Json): { readonly tensor: Reference; readonly kwargs: Json | undefined } | null {
  if (!isList(value) || value.length < 3 || value.length > 4) return null;
  const [name, node, tensor, kwargs] = value;
  if (typeof name !== 'string' || !Number.isSafeInteger(node) || !Number.isSafeInteger(tensor)) return null;
  if (kwargs !== undefined && !isObject(kwargs)) return null;
  return { tensor: reference(name, node as number, tensor as number), kwargs };
}

/** Reads an argument: references, in both forms, within lists and objects of plain values. */
function readArgument(value: Json | undefined, depth: number): NodeArgument {
  if (depth > DEPTH) throw damaged(`arguments are nested more than ${DEPTH} deep`);
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object') return value;
  if (isList(value)) {
    return asReference(value)?.tensor ?? value.map((each) => readArgument(each, depth + 1));
  }
  const object = value as JsonObject;
  if (object.class_name === '__keras_tensor__' && isObject(object.config)) {
    const history = object.config.keras_history;
    const tensor = history === undefined ? undefined : asReference(history)?.tensor;
    return tensor ?? refuse('a tensor has no `keras_history`');
  }
  return Object.fromEntries(
    Object.entries(object).map(([key, each]) => [key, readArgument(each, depth + 1)]),
  );
}

const readArguments = (value: Json | undefined): NodeArguments =>
  isObject(value) ? (readArgument(value, 0) as NodeArguments) : {};

/** Reads one entry of `inbound_nodes`. */
function readCall(value: Json, owner: string): NodeCall {
  if (isObject(value) && isList(value.args)) {
    return { args: value.args.map((each) => readArgument(each, 0)), kwargs: readArguments(value.kwargs) };
  }
  if (!isList(value) && !isObject(value)) throw damaged(`a call in ${owner} is neither a list nor an object`);
  // Keras 1 and 2: the tensors of the first argument, each with the keyword arguments of the call.
  const inputs = readInbound(value);
  return { args: [inputs.tensors], kwargs: inputs.kwargs };
}

interface Inbound {
  readonly tensors: NodeArgument;
  readonly kwargs: NodeArguments;
}

/** ["_CONSTANT_VALUE", -1, value, kwargs] stands for a first argument that is no tensor. */
const CONSTANT = '_CONSTANT_VALUE';

function readInbound(value: Json): Inbound {
  if (isList(value) && value[0] === CONSTANT && value.length >= 3) {
    return { tensors: readArgument(value[2], 0), kwargs: readArguments(value[3]) };
  }
  const single = asReference(value);
  if (single !== null) return { tensors: single.tensor, kwargs: readArguments(single.kwargs) };
  if (isList(value)) {
    const parts = value.map(readInbound);
    const kwargs = Object.assign({}, ...parts.map((part) => part.kwargs)) as NodeArguments;
    const tensors = parts.map((part) => part.tensors);
    return { tensors: tensors.length === 1 ? (tensors[0] as NodeArgument) : tensors, kwargs };
  }
  if (isObject(value)) {
    const parts = Object.entries(value).map(([key, each]) => [key, readInbound(each)] as const);
    const kwargs = Object.assign({}, ...parts.map(([, part]) => part.kwargs)) as NodeArguments;
    return { tensors: Object.fromEntries(parts.map(([key, part]) => [key, part.tensors])), kwargs };
  }
  return { tensors: value, kwargs: {} };
}

/** Calls `visit` for every reference in an argument, in order. Objects are read as `sortedEntries` returns them. */
export function forEachReference(argument: NodeArgument, visit: (reference: Reference) => void): void {
  if (argument instanceof Reference) visit(argument);
  else if (Array.isArray(argument)) for (const each of argument) forEachReference(each, visit);
  else if (typeof argument === 'object' && argument !== null) {
    for (const [, each] of sortedEntries(argument as NodeArguments)) forEachReference(each, visit);
  }
}

/**
 * Keras 1 and 2 count the calls of a nested model from 1, because making the model was call 0, which the file does not
 * store. Returns the graph with references that count from 0.
 */
function withoutFirstCalls(graph: ModelGraphNode): ModelGraphNode {
  const last = new Map<string, number>();
  const visitAll = (visit: (reference: Reference) => void) => {
    for (const calls of graph.calls.values()) {
      for (const { args, kwargs } of calls) {
        for (const each of args) forEachReference(each, visit);
        forEachReference(kwargs, visit);
      }
    }
    forEachReference(graph.inputs, visit);
    forEachReference(graph.outputs, visit);
  };
  visitAll(({ to }) => last.set(to.layer, Math.max(last.get(to.layer) ?? 0, to.node)));
  const skipped = (layer: string) => {
    const node = graph.names.get(layer);
    return node?.model != null && last.get(layer) === (graph.calls.get(node)?.length ?? 0) ? 1 : 0;
  };
  const moved = (argument: NodeArgument): NodeArgument => {
    if (argument instanceof Reference) {
      const { layer, node, tensor } = argument.to;
      return reference(layer, node - skipped(layer), tensor);
    }
    if (Array.isArray(argument)) return argument.map(moved);
    if (typeof argument !== 'object' || argument === null) return argument;
    return Object.fromEntries(Object.entries(argument).map(([key, each]) => [key, moved(each)]));
  };
  const calls = new Map(
    [...graph.calls].map(([node, list]) => [
      node,
      list.map(({ args, kwargs }) => ({ args: args.map(moved), kwargs: moved(kwargs) as NodeArguments })),
    ]),
  );
  return { ...graph, calls, inputs: moved(graph.inputs), outputs: moved(graph.outputs) };
}

/**
 * Reads an architecture: `{ class_name, config }` of a Sequential, a functional model or a subclass of either.
 *
 * @throws ModelError `DATA_LOSS` for an architecture that contradicts itself; `UNIMPLEMENTED` for a subclassed model,
 *   whose layers only its Python code connects.
 */
export function readArchitecture(architecture: JsonObject): LayerNode {
  const root = new Reader().node(architecture, 0, 'the file');
  if (root.model === null) {
    throw new ModelError(
      'UNIMPLEMENTED',
      `The model '${root.name}' is of class ${root.className}, whose Python code connects its layers: the file ` +
        'does not describe them. Export the model as a SavedModel in Python: model.export(directory).',
    );
  }
  return root;
}
