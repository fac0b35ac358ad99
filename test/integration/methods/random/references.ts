/**
 * What every method must give for a random network, by its documented formula: derivatives are central differences of
 * forward runs, nothing comes out of a gradient rule. Maps are one per unit.
 */

import { Draw } from './draw.js';
import {
  build,
  isFlat,
  meanOfChannels,
  mirrored,
  overPositions,
  plus,
  read,
  resized,
  type Size,
  stretched,
  times,
} from './maps.js';
import type { Bias, Image } from './network.js';
import { type Jacobian, Probe, Unmeasurable, type Values } from './probe.js';
import { type RandomNetwork, UNITS } from './random_network.js';

/** (h, w) of each unit. */
export type Maps = readonly Float64Array[];

const SAMPLES = 2;
const units = Array.from({ length: UNITS }, (_, u) => u);

/** sum += row · factor */
function add(sum: Float64Array, row: readonly number[], factor: number): void {
  for (let p = 0; p < sum.length; p++) sum[p] = (sum[p] as number) + (row[p] as number) * factor;
}

/** A network's parts, each loaded when it is first needed, and the derivatives of one sample. */
export class Reference {
  readonly #probes = new Map<string, Promise<Probe>>();
  readonly #derivatives = new WeakMap<Float64Array, Map<string, Promise<Jacobian>>>();
  readonly #points: Float64Array[][] = [];

  constructor(readonly network: RandomNetwork) {}

  /** The samples of the draw `i`, the same for each check. */
  samples(i: number, seed: number): readonly Float64Array[] {
    const { h, w, c } = this.network.x;
    const draw = new Draw(seed + i);
    this.#points[i] ??= Array.from({ length: SAMPLES }, () =>
      Float64Array.from(draw.reals(h * w * c, -1, 1)),
    );
    return this.#points[i];
  }

  probe(outputs: readonly string[], cuts: readonly Image[]): Promise<Probe> {
    const key = [outputs.join(), ...cuts.map(({ name }) => name)].join('|');
    const known = this.#probes.get(key) ?? Probe.open(this.network, outputs, cuts);
    this.#probes.set(key, known);
    return known;
  }

  async close(): Promise<void> {
    for (const probe of this.#probes.values()) (await probe.catch(() => null))?.model.close();
  }

  /** Logits of rows of x, and the images `tensors`. */
  async forward(rows: readonly Float64Array[], tensors: readonly Image[], size: Size = this.network.x) {
    const names = [this.network.logits, ...tensors.map(({ name }) => name)];
    const distinct = [...new Set(names)];
    const probe = await this.probe(distinct, []);
    const values = await probe.run(
      rows.map((row) => ({ [this.network.x.name]: row })),
      [size.h, size.w],
    );
    return names.map((name) => values[distinct.indexOf(name)] as Float64Array[]);
  }

  /** ∂logits/∂tensor where that is fed, with x and `tensor` as they are for x. Kept, as several methods want it. */
  derivative(x: Float64Array, tensor: Image, size: Size = this.network.x): Promise<Jacobian> {
    const known = this.#derivatives.get(x) ?? new Map<string, Promise<Jacobian>>();
    this.#derivatives.set(x, known);
    const jacobian = known.get(tensor.name) ?? this.#differences(x, tensor, size);
    known.set(tensor.name, jacobian);
    return jacobian;
  }

  async #differences(x: Float64Array, tensor: Image, size: Size): Promise<Jacobian> {
    const { network } = this;
    const at: Record<string, Float64Array> = { [network.x.name]: x };
    const probe = await this.probe([network.logits], tensor.name === network.x.name ? [] : [tensor]);
    if (tensor.name !== network.x.name) {
      const [, [value]] = (await this.forward([x], [tensor], size)) as [Float64Array[], [Float64Array]];
      at[tensor.name] = value;
    }
    const [jacobian] = await probe.jacobians(at, tensor.name, [size.h, size.w]);
    return jacobian as Jacobian;
  }

  async gradients(x: Float64Array, size: Size = this.network.x): Promise<Maps> {
    const jacobian = await this.derivative(x, this.network.x, size);
    return jacobian.map((slopes) => meanOfChannels(slopes.map(Math.abs), size));
  }

  async inputXGradient(x: Float64Array): Promise<Maps> {
    const jacobian = await this.derivative(x, this.network.x);
    const { c } = this.network.x;
    return jacobian.map((slopes) =>
      times(
        meanOfChannels(
          slopes.map((slope, i) => slope * (x[i] as number)),
          this.network.x,
        ),
        c,
      ),
    );
  }

  async #activations(x: Float64Array) {
    const { activations: size } = this.network;
    const [[logits], [values]] = (await this.forward([x], [size])) as [[Float64Array], [Float64Array]];
    return { logits, values, size, jacobian: await this.derivative(x, size) };
  }

  async gradcam(x: Float64Array): Promise<Maps> {
    const { values, size, jacobian } = await this.#activations(x);
    return jacobian.map((slopes) =>
      build({ ...size, c: 1 }, (i, j) => {
        let sum = 0;
        for (let k = 0; k < size.c; k++) {
          sum += (overPositions(slopes, size, k) / (size.h * size.w)) * read(values, size, i, j, k);
        }
        return sum;
      }),
    );
  }

  /** A unit's weight of a channel is what the unit gains where what is pooled of the channel grows. */
  async cam(x: Float64Array): Promise<Maps> {
    const { last: size, pooling } = this.network;
    const [, [values]] = (await this.forward([x], [size])) as [Float64Array[], [Float64Array]];
    const jacobian = await this.derivative(x, size);
    const grown = pooling === 'Sum' ? size.h * size.w : 1;
    return jacobian.map((slopes) =>
      build({ ...size, c: 1 }, (i, j) => {
        let sum = 0;
        for (let k = 0; k < size.c; k++) {
          sum += (overPositions(slopes, size, k) / grown) * read(values, size, i, j, k);
        }
        return sum;
      }),
    );
  }

  async gradcampp(x: Float64Array): Promise<Maps> {
    const { values, size, jacobian, logits } = await this.#activations(x);
    return jacobian.map((slopes, u) => {
      const weights = Array.from({ length: size.c }, (_, k) => {
        const total = overPositions(values, size, k);
        return overPositions(slopes, size, k, (g) => {
          if (g <= 0) return 0;
          // A pole: what lies near it is told by no difference.
          if (Math.abs(2 + g * total) < 0.05) throw new Unmeasurable();
          return (g * Math.exp(logits[u] as number)) / (2 + g * total);
        });
      });
      return build({ ...size, c: 1 }, (i, j) =>
        weights.reduce((sum, weight, k) => sum + weight * read(values, size, i, j, k), 0),
      );
    });
  }

  /** With ψ the identity: stretching would blow up the rounding of small terms. */
  async fullGradients(x: Float64Array): Promise<Maps> {
    const { x: input } = this.network;
    let maps = (await this.inputXGradient(x)).map((map) => times(map, 1 / input.c));
    for (const { tensor, value } of this.biases()) {
      const jacobian = await this.derivative(x, tensor);
      maps = maps.map((map, u) => {
        const product = (jacobian[u] as readonly number[]).map((g, i) => g * (value[i % tensor.c] as number));
        const part = meanOfChannels(product, tensor);
        return plus(map, resized(part, { ...tensor, c: 1 }, input.h, input.w));
      });
    }
    return maps;
  }

  biases(): readonly Bias[] {
    const { net, logits } = this.network;
    const { names } = net.graph.reach([logits]);
    return net.biases.filter(({ tensor }) => names.has(tensor.name));
  }

  async scorecam(x: Float64Array, weighting: 'score' | 'softmax'): Promise<Maps> {
    const { activations: size, x: input } = this.network;
    const [, [values]] = (await this.forward([x], [size])) as [Float64Array[], [Float64Array]];
    if (isFlat(values, size)) throw new Unmeasurable();
    const masks = stretched(values, size);
    const whole = resized(masks, size, input.h, input.w);
    const channels = Array.from({ length: size.c }, (_, k) => k);
    const seen = (much: number) =>
      channels.map((k) =>
        build(
          input,
          (i, j, c) => read(x, input, i, j, c) * read(whole, { ...input, c: size.c }, i, j, k) * much,
        ),
      );
    const [scores] = (await this.forward(seen(1), [])) as [Float64Array[]];
    // Masks are resized in float32: where the network jumps, another rounding sees another network.
    const [others] = (await this.forward(seen(1 + 1e-6), [])) as [Float64Array[]];
    const largest = Math.max(...scores.flatMap((row) => [...row].map(Math.abs)));
    const apart = (row: Float64Array, k: number) =>
      row.some((score, u) => !(Math.abs(score - (others[k]?.[u] as number)) <= 1e-5 * largest));
    if (scores.some(apart)) throw new Unmeasurable();
    return units.map((u) => {
      const row = scores.map((each) => each[u] as number);
      const most = Math.max(...row);
      const shares = row.map((score) => Math.exp(score - most));
      const sum = shares.reduce((a, b) => a + b);
      const weights = weighting === 'score' ? row : shares.map((share) => share / sum);
      return build({ ...input, c: 1 }, (i, j) =>
        weights.reduce((all, weight, k) => all + weight * read(whole, { ...input, c: size.c }, i, j, k), 0),
      );
    });
  }

  /** The mean over mirrored and scaled inputs, of maps that are turned back. */
  async tta(x: Float64Array, scales: readonly number[]): Promise<Maps> {
    const { x: input } = this.network;
    let sums: Maps = units.map(() => new Float64Array(input.h * input.w));
    for (const scale of [1, ...scales]) {
      for (const flip of [false, true]) {
        const turned = flip ? mirrored(x, input) : x;
        const size = { ...input, h: Math.floor(scale * input.h), w: Math.floor(scale * input.w) };
        // What is resized is float32.
        const scaled = scale === 1 ? turned : resized(turned, input, size.h, size.w).map(Math.fround);
        const maps = await this.gradients(scaled, size);
        sums = sums.map((sum, u) => {
          const map = maps[u] as Float64Array;
          const back = flip ? mirrored(map, { ...size, c: 1 }) : map;
          return plus(sum, resized(back, { ...size, c: 1 }, input.h, input.w));
        });
      }
    }
    return sums.map((sum) => times(sum, 1 / (2 * (1 + scales.length))));
  }

  async smooth(x: Float64Array, noises: readonly Float64Array[]): Promise<Maps> {
    let sums = await this.gradients(x);
    for (const noise of noises) {
      const maps = await this.gradients(plus(x, noise));
      sums = sums.map((sum, u) => plus(sum, maps[u] as Float64Array));
    }
    return sums.map((sum) => times(sum, 1 / (noises.length + 1)));
  }

  /**
   * The gradient by a rule that is none of a function: the network is cut at its rectifiers, and between the segments'
   * Jacobians the rule is applied. Of what comes in and went into the rectifier it makes what goes on.
   */
  async ruled(x: Float64Array, rule: (dy: number, input: number, type: string) => number): Promise<Maps> {
    const { net, x: input, logits } = this.network;
    const { names } = net.graph.reach([logits]);
    const cuts = net.rectifiers.filter(({ name }) => names.has(name));
    const images = cuts.map(({ name, input: { h, w, c } }) => net.image(name, h, w, c));
    const before = cuts.map(({ input: image }) => image);
    const all = (await this.forward([x], [...images, ...before])) as Float64Array[][];
    const value = (i: number) => all[1 + i]?.[0] as Float64Array;
    const at: Values = {
      [input.name]: x,
      ...Object.fromEntries(images.map(({ name }, i) => [name, value(i)])),
    };
    // An image that a rectifier gives may itself be what another takes: an Identity of it is the output.
    const outputs = [logits, ...before.map(({ name }) => `${name}_`)];
    for (const { name } of before) net.alias(name);
    const probe = await this.probe(outputs, images);
    const fed = new Set(probe.fed.map(({ name }) => name));
    const slopes = new Map<string, Jacobian[]>();
    for (const name of [input.name, ...images.map((image) => image.name)]) {
      if (fed.has(name)) slopes.set(name, await probe.jacobians(at, name));
    }
    return units.map((u) => {
      // Of each rectifier what comes in at its input, from the last to the first.
      const entering: (Float64Array | undefined)[] = [];
      const arriving = (name: string, after: number): Float64Array => {
        const jacobians = slopes.get(name);
        const size = (at[name] as Float64Array).length;
        const sum = new Float64Array(size);
        if (jacobians === undefined) return sum;
        add(sum, (jacobians[0] as Jacobian)[u] as readonly number[], 1);
        for (let k = after; k < cuts.length; k++) {
          const rows = jacobians[1 + k] as Jacobian;
          rows.forEach((row, o) => {
            const dy = entering[k]?.[o] as number;
            add(sum, row, dy);
          });
        }
        return sum;
      };
      for (let k = cuts.length - 1; k >= 0; k--) {
        const dy = arriving((images[k] as Image).name, k + 1);
        const went = value(cuts.length + k);
        entering[k] = dy.map((each, o) => rule(each, went[o] as number, (cuts[k] as { type: string }).type));
      }
      return meanOfChannels(arriving(input.name, 0), input);
    });
  }
}
