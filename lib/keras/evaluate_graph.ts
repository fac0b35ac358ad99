/** Computes the outputs of a functional or sequential model from its inputs, layer by layer. */
import type { Symbolic } from '../graph/symbolic.js';
import { ModelError } from '../support/errors.js';
import type { Argument, ArgumentObject } from './layer_kind.js';
import {
  type LayerNode,
  type ModelGraphNode,
  type NodeArgument,
  type NodeCall,
  Reference,
} from './layer_node.js';
import { forEachReference } from './read_architecture.js';

/** Calls a layer: returns its outputs. */
export type CallLayer = (
  node: LayerNode,
  args: readonly Argument[],
  kwargs: ArgumentObject,
) => readonly Symbolic[];

const keyOf = ({ to: { layer, node } }: Reference) => `${node}/${layer}`;

function damaged(message: string): ModelError {
  return new ModelError('DATA_LOSS', `The file's architecture is damaged: ${message}.`);
}

/** Returns the references of an argument, in order. */
export function referencesIn(argument: NodeArgument): Reference[] {
  const found: Reference[] = [];
  forEachReference(argument, (each) => found.push(each));
  return found;
}

class Evaluation {
  readonly #graph: ModelGraphNode;
  readonly #call: CallLayer;
  /** The outputs of each call, by key. */
  readonly #values = new Map<string, readonly Symbolic[]>();

  constructor(graph: ModelGraphNode, inputs: readonly Symbolic[], call: CallLayer) {
    this.#graph = graph;
    this.#call = call;
    referencesIn(graph.inputs).forEach((reference, i) => {
      this.#values.set(keyOf(reference), [inputs[i] as Symbolic]);
    });
  }

  outputs(): Symbolic[] {
    return referencesIn(this.#graph.outputs).map((reference) => {
      this.#compute(reference);
      return this.#value(reference);
    });
  }

  #find(reference: Reference): { readonly node: LayerNode; readonly call: NodeCall } {
    const { layer, node: index } = reference.to;
    const node = this.#graph.names.get(layer);
    if (node === undefined) throw damaged(`it has no layer '${layer}', which another layer reads`);
    const call = this.#graph.calls.get(node)?.[index];
    if (call === undefined)
      throw damaged(`${node.config.owner} has no call ${index}, which another layer reads`);
    return { node, call };
  }

  #value(reference: Reference): Symbolic {
    const value = this.#values.get(keyOf(reference))?.[reference.to.tensor];
    if (value !== undefined) return value;
    throw damaged(`'${reference.to.layer}' has no output ${reference.to.tensor}, which another layer reads`);
  }

  /** Depth-first over an explicit stack, because a model may be deeper than the stack of JavaScript allows. */
  #compute(output: Reference): void {
    const stack = [output];
    const open = new Set<string>();
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const key = keyOf(top);
      if (this.#values.has(key)) {
        stack.pop();
        continue;
      }
      const { node, call } = this.#find(top);
      const missing = [...call.args, call.kwargs]
        .flatMap(referencesIn)
        .filter((each) => !this.#values.has(keyOf(each)));
      if (missing.length > 0) {
        if (open.has(key)) throw damaged(`${node.config.owner} depends on its own output`);
        open.add(key);
        stack.push(...missing.reverse());
        continue;
      }
      const kwargs = this.#resolve(call.kwargs) as ArgumentObject;
      this.#values.set(
        key,
        this.#call(
          node,
          call.args.map((each) => this.#resolve(each)),
          kwargs,
        ),
      );
      stack.pop();
    }
  }

  #resolve(argument: NodeArgument): Argument {
    if (argument instanceof Reference) return this.#value(argument);
    if (Array.isArray(argument)) return argument.map((each) => this.#resolve(each));
    if (typeof argument !== 'object' || argument === null) return argument;
    return Object.fromEntries(Object.entries(argument).map(([key, each]) => [key, this.#resolve(each)]));
  }
}

/**
 * Returns the outputs of a model, in order. `call` is called for every call of a layer on the way to an output, inputs
 * before consumers.
 *
 * @param inputs one tensor per input of the model, in order.
 * @throws ModelError (`DATA_LOSS`) for a graph that contradicts itself.
 */
export function evaluateGraph(
  graph: ModelGraphNode,
  inputs: readonly Symbolic[],
  call: CallLayer,
): Symbolic[] {
  return new Evaluation(graph, inputs, call).outputs();
}
