/** Builds the layers of an architecture: functions of symbolic tensors with the dtypes and masks of Keras. */
import { cast } from '../graph/ops/array.js';
import { Symbolic } from '../graph/symbolic.js';
import { ModelError } from '../support/errors.js';
import { type CustomObjects, customLayer } from './custom_objects.js';
import { type DTypePolicy, isCast, policyOf } from './dtype_policy.js';
import type { BuiltLayer, LayerCall, LayerFunction, LayerKind, LayerParts } from './layer_kind.js';
import type { LayerNode } from './layer_node.js';

/** The variables of each layer, as parameters of the recording. */
export type LayerWeights = ReadonlyMap<LayerNode, Readonly<Record<string, Symbolic>>>;

export interface BuildContext {
  readonly weights: LayerWeights;
  readonly customObjects: CustomObjects;
  readonly kerasVersion: number;
  /** Returns a model as a layer, for models within layers and models. */
  readonly buildModel: (node: LayerNode) => BuiltLayer;
  /** Calls a sublayer, with its ops under its own name. */
  readonly enter: (node: LayerNode, inputs: readonly Symbolic[], call: LayerCall) => readonly Symbolic[];
}

export class LayerBuilder {
  readonly #context: BuildContext;
  readonly #built = new Map<LayerNode, BuiltLayer>();

  constructor(context: BuildContext) {
    this.#context = context;
  }

  /**
   * Returns the layer of a node. Every node is built once.
   *
   * @throws ModelError (`UNIMPLEMENTED`) for a class that is unknown and not among the custom objects.
   */
  build(node: LayerNode): BuiltLayer {
    const known = this.#built.get(node);
    if (known !== undefined) return known;
    const built =
      node.model !== null
        ? this.#context.buildModel(node)
        : node.kind === null
          ? this.#custom(node)
          : this.#layer(node, node.kind);
    this.#built.set(node, built);
    return built;
  }

  #layer(node: LayerNode, kind: LayerKind): BuiltLayer {
    const policy = policyOf(node.config);
    const sublayers = Object.fromEntries(
      [...node.sublayers].map(([attribute, inner]) => {
        const call: LayerFunction = (inputs, given) => this.#context.enter(inner, inputs, given);
        return [attribute, { ...this.build(inner), call }];
      }),
    );
    const weights = this.#context.weights.get(node) ?? {};
    const parts: LayerParts = {
      config: node.config,
      weights: kind.keepsDtypes ? weights : castAll(weights, policy),
      sublayers,
      dtype: policy.compute,
      kerasVersion: this.#context.kerasVersion,
    };
    const call = kind.build(parts);
    return {
      name: node.name,
      kind,
      config: node.config,
      call: kind.keepsDtypes
        ? call
        : (inputs, given) =>
            call(
              inputs.map((input) => castTo(input, policy)),
              castArguments(given, policy),
            ),
      masksOf: (outputs, inputs, given) => masksOf(kind, parts, outputs, inputs, given),
    };
  }

  #custom(node: LayerNode): BuiltLayer {
    const custom = customLayer(this.#context.customObjects, node);
    if (custom === undefined) throw unknownClass(node);
    const layer = custom(node.config.entries, this.#context.weights.get(node) ?? {});
    if (typeof layer !== 'function') {
      throw new ModelError(
        'INVALID_ARGUMENT',
        `Expected \`customObjects.${node.className}\` to return a function of the inputs for ${node.config.owner}.`,
      );
    }
    return {
      name: node.name,
      kind: { names: [node.className], build: () => (inputs) => inputs },
      config: node.config,
      call: (inputs) => layer(inputs.length === 1 ? (inputs[0] as Symbolic) : inputs),
      masksOf: (outputs) => outputs.map(() => null),
    };
  }
}

function unknownClass({ className, config }: LayerNode): ModelError {
  const reason =
    className === 'Lambda'
      ? 'runs Python code of the file, which is never run here'
      : 'is of a class that cannot be computed from this format and that `customObjects` lacks';
  return new ModelError(
    'UNIMPLEMENTED',
    `${config.owner} ${reason}. Supply the layer: loadModel(path, { customObjects: { ${JSON.stringify(className)}: ` +
      '(config, weights) => (inputs) => outputs } }), or export the model as a SavedModel in Python: ' +
      'model.export(directory).',
  );
}

const castTo = (value: Symbolic, policy: DTypePolicy): Symbolic =>
  isCast(value.dtype, policy) ? cast(value, policy.compute) : value;

const castAll = (weights: Readonly<Record<string, Symbolic>>, policy: DTypePolicy) =>
  Object.fromEntries(Object.entries(weights).map(([name, value]) => [name, castTo(value, policy)]));

/** Keras casts floating tensors in all arguments of a call. */
function castArguments(call: LayerCall, policy: DTypePolicy): LayerCall {
  const given = new Map<Symbolic, Symbolic>();
  const casted = <T>(value: T): T => {
    if (value instanceof Symbolic) {
      const made = castTo(value, policy);
      given.set(made, value);
      return made as T;
    }
    if (Array.isArray(value)) return value.map(casted) as T;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, casted(each)])) as T;
  };
  const maskOf = (tensor: Symbolic) => call.maskOf?.(given.get(tensor) ?? tensor) ?? null;
  return { ...call, args: casted(call.args), kwargs: casted(call.kwargs), maskOf };
}

function masksOf(
  kind: LayerKind,
  parts: LayerParts,
  outputs: readonly Symbolic[],
  inputs: readonly Symbolic[],
  call: LayerCall,
): (Symbolic | null)[] {
  if (kind.mask === 'pass') return outputs.map(() => call.masks[0] ?? null);
  if (typeof kind.mask !== 'function') return outputs.map(() => null);
  const masks = kind.mask(parts, inputs, call);
  const list = Array.isArray(masks) ? masks : [masks];
  return outputs.map((_, i) => list[i] ?? null);
}
