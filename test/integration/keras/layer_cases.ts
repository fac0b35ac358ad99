/** The layers of test/fixtures/keras_layers, made by scripts/fixtures/make_keras_layers.py, and how they run here. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { localStrategy } from '../../../lib/binding/local_strategy.js';
import { gradient } from '../../../lib/graph/gradient.js';
import * as ops from '../../../lib/graph/ops/index.js';
import type { Symbolic } from '../../../lib/graph/symbolic.js';
import { Trace } from '../../../lib/graph/trace.js';
import { Config, type JsonObject } from '../../../lib/keras/config.js';
import { policyOf } from '../../../lib/keras/dtype_policy.js';
import type { LayerCall, LayerParts } from '../../../lib/keras/layer_kind.js';
import { layerKind } from '../../../lib/keras/layers/index.js';
import { Tensor, tensor } from '../../../lib/tensor/tensor.js';

type Kind = 'signed' | 'picture' | 'variance' | 'padded' | 'ids' | 'zero';

interface Described {
  readonly shape: readonly number[];
  readonly kind: Kind;
}

interface Output {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

export interface LayerCase {
  readonly class: string;
  readonly keras: number;
  readonly config: JsonObject;
  readonly seed: number;
  readonly inputs: readonly Described[];
  /** In the order of Keras' `layer.weights`. */
  readonly weights: readonly (Described & { readonly name: string })[];
  readonly output: Output;
  /** Of the sum of all outputs, each times a number, with respect to each input. */
  readonly gradients?: readonly (readonly number[])[];
  /** The shape of the mask that the layer gets. */
  readonly mask?: readonly number[];
  /** Whether the layer passes the mask of its input on. Absent for a layer that computes a mask of its own. */
  readonly passesMask?: boolean;
  /** The mask that the layer computes. */
  readonly masked: 'none' | Output;
}

const FOLDER = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'fixtures', 'keras_layers');

export const casesOf = (family: string): LayerCase[] =>
  [2, 3].flatMap((version) =>
    JSON.parse(readFileSync(path.join(FOLDER, `${family}.keras${version}.json`), 'utf8')),
  );

/** The same numbers as `value` of scripts/fixtures/make_keras_layers.py. */
function valuesOf(seed: number, { shape, kind }: Described): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const residues = Array.from({ length: count }, (_, i) => (i * 7919 + seed * 104729 + 12345) % 10007);
  if (kind === 'ids')
    return tensor(
      BigInt64Array.from(residues, (each) => BigInt(each % 7)),
      shape,
    );
  if (kind === 'zero')
    return tensor(
      BigInt64Array.from(residues, () => 0n),
      shape,
    );
  const steps = (shape[1] ?? 1) * (shape[2] ?? 1);
  const number = (residue: number, i: number): number => {
    if (kind === 'signed') return (residue / 10007) * 2 - 1;
    if (kind === 'variance') return residue / 10007 + 0.5;
    const isPadded = kind === 'padded' && i >= steps && i % steps >= steps - 2 * (shape[2] ?? 1);
    return isPadded ? 0 : residue / 10007;
  };
  return tensor(Float32Array.from(residues, number), shape);
}

const GRADIENT_SEED = 77;

/** What a case gave here. */
export interface Received {
  readonly variables: readonly string[];
  readonly output: Tensor;
  readonly gradients: readonly Tensor[];
  readonly masked: Tensor | null;
  /** Whether the layer has a mask for an input with a mask. */
  readonly passesMask: boolean;
}

/** Builds the layer of a case with its weights. `variables` are its names in Keras' order: trainable ones first. */
function build({ class: name, config: entries, keras, weights, seed }: LayerCase) {
  const kind = layerKind(name);
  if (kind === undefined) throw new Error(`${name} is not a class of lib/keras/layers.`);
  const config = new Config(entries, `layer 'layer' (${name})`);
  const specs = kind.variables?.(config, keras) ?? [];
  const variables = [
    ...specs.filter(({ trainable = true }) => trainable),
    ...specs.filter(({ trainable = true }) => !trainable),
  ];
  const values = weights.map((each, i) => ops.constant(valuesOf(seed + 6 + i, each)));
  const named = Object.fromEntries(variables.map((spec, i) => [spec.name, values[i] as Symbolic]));
  const parts: LayerParts = {
    config,
    weights: named,
    sublayers: {},
    dtype: policyOf(config).compute,
    kerasVersion: keras,
  };
  return { kind, parts, layer: kind.build(parts), variables: variables.map((spec) => spec.name) };
}

/** Returns the axis that the layer's weights belong to. */
function channelAxis({ config }: LayerCase, shape: readonly number[]): number {
  if (config.data_format === 'channels_first') return 1;
  return typeof config.axis === 'number' && config.axis > 0 ? config.axis : shape.length - 1;
}

/**
 * Runs the layer of a case.
 *
 * @param openSizes whether the sizes of all axes but that of the channels are known only at run time.
 */
export async function run(each: LayerCase, openSizes = false): Promise<Received> {
  const addon = await ensureTensorflow();
  const trace = Trace.create(addon);
  const data = each.inputs.map((input, i) => valuesOf(each.seed + i, input));
  const recorded = trace.run(() => {
    const inputs = data.map(({ dtype, shape }, i) =>
      trace.placeholder(
        dtype,
        openSizes
          ? shape.map((size, axis) => (axis === channelAxis(each, shape) ? size : null))
          : [null, ...shape.slice(1)],
        `x${i}`,
      ),
    );
    const mask =
      each.mask === undefined
        ? null
        : ops.greater(ops.constant(valuesOf(each.seed + 5, { shape: each.mask, kind: 'ids' })), 2);
    const call: LayerCall = {
      args: [inputs.length === 1 ? (inputs[0] as Symbolic) : inputs],
      kwargs: {},
      masks: inputs.map(() => mask),
    };
    const { kind, parts, layer, variables } = build(each);
    const dummy = { ...call, masks: [ops.constant([true])] };
    const passesMask =
      kind.mask === 'pass' ||
      (inputs.length === 1 && typeof kind.mask === 'function' && kind.mask(parts, inputs, dummy) !== null);
    const output = layer(inputs, call) as Symbolic;
    const masked =
      kind.mask === 'pass' ? mask : typeof kind.mask === 'function' ? kind.mask(parts, inputs, call) : null;
    const slopes = () => {
      const factors = valuesOf(GRADIENT_SEED, { shape: each.output.shape, kind: 'signed' });
      const loss = ops.reduceSum(ops.multiply(output, factors));
      return inputs.map((input) => gradient(loss, input));
    };
    return {
      variables,
      fetches: [
        output,
        ...(each.gradients === undefined ? [] : slopes()),
        ...(masked === null ? [] : [ops.cast(masked as Symbolic, 'int32')]),
      ],
      isMasked: masked !== null,
      passesMask,
    };
  });
  const compiled = await trace.compile(recorded.fetches, { intraOp: 1, strategy: localStrategy(addon, 1) });
  const feeds = await Promise.all(data.map((value) => value.toAligned()));
  const results = await compiled.run(feeds, { shardSize: data[0]?.shape[0] ?? 1 });
  compiled.close();
  const tensors = results.map((result) => Tensor.fromNative(result));
  return {
    variables: recorded.variables,
    output: tensors[0] as Tensor,
    gradients: tensors.slice(1, 1 + (each.gradients?.length ?? 0)),
    passesMask: recorded.passesMask,
    masked: recorded.isMasked ? (tensors.at(-1) as Tensor) : null,
  };
}

/** Returns the largest difference as a share of the range of 0 and `expected`. */
export function errorOf(received: Tensor, expected: readonly number[]): number {
  if (received.data.length !== expected.length) return Number.POSITIVE_INFINITY;
  const range = Math.max(0, ...expected) - Math.min(0, ...expected);
  const error = Math.max(...expected.map((value, i) => Math.abs(Number(received.data[i]) - value)));
  return error === 0 ? 0 : error / range;
}
