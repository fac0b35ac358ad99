/** Parts of a random network as models of their own, run forward, and differentiated by central differences. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as ke from '../../../../lib/index.js';
import type { Image } from './network.js';
import type { RandomNetwork } from './random_network.js';

export type Values = Readonly<Record<string, Float64Array>>;

/** Thrown where a network has no derivative near a point, or rounding hides it. */
export class Unmeasurable extends Error {}

/** ∂(output o, element i) / ∂(element p) as [i][p]. */
export type Jacobian = readonly (readonly number[])[];

/** Steps to try, and how much of the largest slope two of them may differ by. */
const PLANS = {
  double: { steps: [1e-4, 1e-5, 1e-3], tolerance: 2.5e-7, epsilon: 2 ** -53 },
  single: { steps: [2e-2, 5e-2, 1e-2], tolerance: 2.5e-3, epsilon: 2 ** -24 },
} as const;

/** The tensors `outputs` as functions of images that are fed in their place. */
export class Probe {
  private constructor(
    readonly model: ke.Model,
    readonly fed: readonly Image[],
    private readonly network: RandomNetwork,
  ) {}

  static async open(
    network: RandomNetwork,
    outputs: readonly string[],
    cuts: readonly Image[],
  ): Promise<Probe> {
    const { net, x, open } = network;
    const all = [x, ...cuts.filter(({ name }) => name !== x.name)];
    const { names } = net.graph.reach(
      outputs,
      all.map(({ name }) => name),
    );
    const fed = all.filter(({ name }) => names.has(name));
    const folder = await mkdtemp(path.join(os.tmpdir(), 'ke-random-'));
    try {
      const file = path.join(folder, 'graph.pb');
      const shapes = fed.map(({ name, h, w, c }) => [name, open ? [-1, -1, -1, c] : [-1, h, w, c]]);
      await writeFile(file, net.graph.encode(outputs, Object.fromEntries(shapes)));
      const model = await ke.loadModel(file, {
        inputs: fed.map(({ name }) => name),
        outputs: [...outputs],
        threads: { interOp: 1 },
      });
      return new Probe(model, fed, network);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  /** Each output of `rows` samples, as one array a row. `sizes`: of x where it is not the network's own. */
  async run(rows: readonly Values[], sizes?: readonly [number, number]): Promise<Float64Array[][]> {
    const inputs = this.fed.map(({ name, h, w, c }) => {
      const [first] = rows;
      const row = (first as Values)[name] as Float64Array;
      const data = new Float64Array(rows.length * row.length);
      for (const [i, values] of rows.entries()) data.set(values[name] as Float64Array, i * row.length);
      const [height, width] = name === this.network.x.name && sizes !== undefined ? sizes : [h, w];
      const other = row.length / c / height / width;
      if (other !== 1) throw new Error(`${name} of ${row.length} values is not (${height}, ${width}, ${c})`);
      return ke.tensor(data, [rows.length, height, width, c]);
    });
    const options = { batchSize: rows.length };
    const fed = inputs.length === 1 ? (inputs[0] as ke.Tensor) : inputs;
    const result = (await this.model.predict(fed as ke.Tensor, options)) as ke.Tensor | readonly ke.Tensor[];
    return (Array.isArray(result) ? result : [result]).map((tensor: ke.Tensor) => {
      const size = tensor.size / rows.length;
      const data = tensor.data as Float64Array;
      return rows.map((_, i) => data.slice(i * size, (i + 1) * size));
    });
  }

  /** Of each output the Jacobian with respect to the fed image `by`. */
  async jacobians(at: Values, by: string, sizes?: readonly [number, number]): Promise<Jacobian[]> {
    const { steps, tolerance, epsilon } = PLANS[this.network.net.single ? 'single' : 'double'];
    for (const step of steps) {
      const outputs = await this.run(stencil(at, by, step), sizes);
      const slopes = outputs.map((rows) => slopesOf(rows, step, tolerance, epsilon));
      if (slopes.every((each) => each !== null)) return slopes as Jacobian[];
    }
    throw new Unmeasurable();
  }
}

/** The point, then for each element the points -2, -1, 1 and 2 steps from it. */
function stencil(at: Values, by: string, step: number): Values[] {
  const centre = at[by] as Float64Array;
  const rows: Values[] = [at];
  for (let p = 0; p < centre.length; p++) {
    for (const offset of [-2, -1, 1, 2]) {
      const moved = centre.slice();
      moved[p] = (centre[p] as number) + offset * step;
      rows.push({ ...at, [by]: moved });
    }
  }
  return rows;
}

/**
 * Slopes extrapolated from two steps; null where there is none. A kink within two steps shows: the two differences
 * agree about one in the middle, the two bends do not (test/native/gradient_check.cc).
 */
function slopesOf(
  rows: readonly Float64Array[],
  step: number,
  tolerance: number,
  epsilon: number,
): Jacobian | null {
  const [centre, ...moved] = rows as [Float64Array, ...Float64Array[]];
  let [scale, doubt, size] = [1e-3, 0, 0];
  const jacobian = Array.from(centre, (middle, i) =>
    Array.from({ length: moved.length / 4 }, (_, p) => {
      const [a, b, c, d] = moved.slice(4 * p, 4 * p + 4).map((row) => row[i] as number) as [
        number,
        number,
        number,
        number,
      ];
      const [narrow, wide] = [(c - b) / (2 * step), (d - a) / (4 * step)];
      const [bend, wideBend] = [(c - 2 * middle + b) / step, (d - 2 * middle + a) / (2 * step)];
      const slope = narrow + (narrow - wide) / 3;
      scale = Math.max(scale, Math.abs(slope));
      doubt = Math.max(doubt, Math.abs(narrow - wide), Math.abs(wideBend - 2 * bend));
      // What does not move at all is not rounded either.
      if ([a, b, c, d].some((moved) => moved !== middle)) size = Math.max(size, Math.abs(middle));
      return slope;
    }),
  );
  const noise = (8 * size * epsilon) / step;
  // False for NaN, too.
  return doubt + noise <= tolerance * scale ? jacobian : null;
}
