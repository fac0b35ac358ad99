/** The axes of positions where nobody names them: by the rank of what is explained, and of activations by their own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { type Attribute, GraphDef, type Shape } from '../methods/random/graph_def.js';

const { cams, gradient, meta } = ke.methods;
const UNITS = [
  [1, 0],
  [0, 1],
];
const quiet = { verbose: 0 } as const;

const waves = (shape: readonly number[]) =>
  ke.tensor(
    Float64Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) =>
      Math.sin(1.7 * i),
    ),
    [...shape],
  );
const valuesOf = ({ data }: ke.Tensor) => [...data].map(Number);

function expectClose(received: ke.Tensor, expected: readonly number[]): void {
  expect(received.size).toBe(expected.length);
  valuesOf(received).forEach((value, i) => void expect(value).toBeCloseTo(expected[i] as number, 6));
}

describe.each([
  ['signals', [2, 12, 2], [-2]],
  ['saved_model', [2, 2, 2, 2], [-3, -2]],
  ['volumes', [2, 4, 6, 8, 2], [-4, -3, -2]],
] as const)('of %s', (name, shape, spatialAxis) => {
  let model: ke.Model;
  let exposed: ke.Model;
  const x = ke.tensor(Float32Array.from(valuesOf(waves(shape))), [...shape]);
  beforeAll(async () => {
    model = await ke.loadModel(fileURLToPath(new URL(`../../fixtures/tiny/${name}`, import.meta.url)));
    exposed = ke.inspection.expose(model);
  });
  afterAll(() => model?.close());

  test.each([
    ...cams.METHODS,
    ...gradient.METHODS,
    meta.smooth(gradient.gradients, { repetitions: 2 }),
    meta.tta(cams.gradcam, { scales: [] }),
  ] as ke.Method[])('they are what would be named: $name', async (method) => {
    const options = { ...quiet, postprocessing: ke.filters.absoluteNormalize };
    const named = await ke.explain(method, exposed, x, UNITS, { ...options, spatialAxis });
    const { maps } = await ke.explain(method, exposed, x, UNITS, options);
    expect(maps.shape).toEqual([...shape.slice(0, -1), 2]);
    expect(valuesOf(maps)).toEqual(valuesOf(named.maps));
    expect(valuesOf(maps).some((value) => value > 0.5)).toBe(true);
  });
});

/** A graph of float64 with the input "x". */
class Graph extends GraphDef {
  readonly #open: Shape;

  constructor(open: Shape) {
    super();
    this.#open = open;
    this.constant([0], [1], 'float64', 'x');
  }
  op(type: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.add(type, inputs, { T: { type: 'float64' }, ...attributes });
  }
  matrix(rows: readonly (readonly number[])[]): string {
    return this.constant(rows.flat(), [rows.length, rows[0]?.length as number], 'float64');
  }
  dense(x: string, weights: readonly (readonly number[])[]): string {
    return this.op('MatMul', [x, this.matrix(weights)]);
  }
  reshape(x: string, shape: readonly number[]): string {
    return this.op('Reshape', [x, this.constant([...shape], [shape.length], 'int32')], {
      Tshape: { type: 'int32' },
    });
  }
  mean(x: string, axes: readonly number[]): string {
    const axis = this.constant([...axes], [axes.length], 'int32');
    return this.op('Mean', [x, axis], { Tidx: { type: 'int32' }, keep_dims: false });
  }
  async load(folder: string, outputs: readonly string[]): Promise<ke.Model> {
    const file = join(folder, `${outputs.join('_')}.pb`);
    await writeFile(file, this.encode(outputs, { x: this.#open }));
    return ke.loadModel(file, { inputs: ['x'], outputs });
  }
}

let folder: string;
const models: ke.Model[] = [];
const load = async (graph: Graph, outputs: readonly string[]) => {
  const model = await graph.load(await mkdtemp(join(folder, 'model-')), outputs);
  models.push(model);
  return model;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'axes-'));
});
afterAll(async () => {
  for (const model of models) model.close();
  await rm(folder, { recursive: true });
});

describe('of vectors (N, F)', () => {
  const FIRST = [
    [1, -2, 0.5],
    [0, 1, -1],
    [2, 1, 1],
    [-1, 0.5, 3],
  ];
  const SECOND = [
    [1, -1],
    [2, 0.5],
    [-1, 3],
  ];
  const x = ke.tensor(Float64Array.of(0.5, -1, 2, 1, -1, 0.3, 0.7, 2), [2, 4]);
  let model: ke.Model;
  beforeAll(async () => {
    const graph = new Graph([-1, 4]);
    const hidden = graph.op('Relu', [graph.dense('x', FIRST)]);
    model = await load(graph, [graph.dense(hidden, SECOND), hidden]);
  });

  /** ∂logit[u] / ∂x[f] of sample n. */
  const slope = (n: number, f: number, u: number) =>
    [0, 1, 2].reduce((sum, k) => {
      const before = FIRST.reduce(
        (total, row, i) => total + Number(x.data[n * 4 + i]) * (row[k] as number),
        0,
      );
      const [row, weights] = [FIRST[f] as number[], SECOND[k] as number[]];
      return sum + (before > 0 ? (row[k] as number) * (weights[u] as number) : 0);
    }, 0);
  const byHand = (value: (n: number, f: number, u: number) => number) =>
    UNITS.flatMap((units, n) => [0, 1, 2, 3].flatMap((f) => units.map((u) => value(n, f, u))));

  it('gradients are |∂y/∂x|, with no mean over channels', async () => {
    for (const resizing of [true, false]) {
      const { maps } = await ke.explain(gradient.gradients, model, x, UNITS, { ...quiet, resizing });
      expect(maps.shape).toEqual([2, 4, 2]);
      expectClose(
        maps,
        byHand((n, f, u) => Math.abs(slope(n, f, u))),
      );
    }
  });

  it('filters work over the features', async () => {
    const { maps } = await ke.gradients(model, x, UNITS, quiet);
    const raw = byHand((n, f, u) => Math.abs(slope(n, f, u)));
    const stretched = raw.map((value, i) => {
      const of = raw.filter((_, k) => Math.floor(k / 8) === Math.floor(i / 8) && k % 2 === i % 2);
      return (value - Math.min(...of)) / (Math.max(...of) - Math.min(...of));
    });
    expectClose(maps, stretched);
  });

  it('full gradients have the product alone on the map, as hidden units are no positions', async () => {
    const options = { ...quiet, resizing: false, psi: (product: ke.graph.Symbolic) => product };
    const { maps } = await ke.explain(gradient.fullGradients, model, x, UNITS, options);
    expect(maps.shape).toEqual([2, 4, 2]);
    expectClose(
      maps,
      byHand((n, f, u) => Number(x.data[n * 4 + f]) * slope(n, f, u)),
    );
  });

  it('smooth averages over noise of their shape', async () => {
    const steady = meta.smooth(gradient.gradients, { repetitions: 3, noise: 0 });
    const { maps } = await ke.explain(steady, model, x, UNITS, quiet);
    expectClose(
      maps,
      byHand((n, f, u) => Math.abs(slope(n, f, u))),
    );
    const noisy = await ke.explain(meta.smooth(gradient.gradients, { noise: 5 }), model, x, UNITS, quiet);
    expect(valuesOf(noisy.maps)).not.toEqual(valuesOf(maps));
  });

  it('tta is refused: there is nothing to mirror or resize', async () => {
    const refused = ke.explain(meta.tta(gradient.gradients, { scales: [] }), model, x, UNITS, quiet);
    await expect(refused).rejects.toThrow('gradients_tta resizes and mirrors inputs (N, ...positions, C)');
  });

  it('CAMs of hidden units are refused', async () => {
    for (const method of [cams.gradcam, cams.gradcampp, cams.scorecam]) {
      const refused = ke.explain(method, model, x, UNITS, quiet);
      await expect(refused).rejects.toThrow('Expose a tensor with positions');
    }
  });
});

describe('of activations that have other axes than the input', () => {
  const HEAD = [
    [1, -1],
    [2, 0.5],
  ];
  const x = waves([2, 8]);
  const activation = (n: number, i: number) => Math.max(0, Number(x.data[n * 8 + i]));

  it('a CAM has its activations: signals made of vectors, resized to the features', async () => {
    const graph = new Graph([-1, 8]);
    const signal = graph.op('Relu', [graph.reshape('x', [-1, 4, 2])]);
    const model = await load(graph, [graph.dense(graph.mean(signal, [1]), HEAD), signal]);
    const expected = UNITS.flatMap((units, n) =>
      [0, 1, 2, 3].flatMap((t) =>
        units.map((u) =>
          [0, 1].reduce((sum, k) => sum + (activation(n, t * 2 + k) * (HEAD[k]?.[u] as number)) / 4, 0),
        ),
      ),
    );
    const small = await ke.explain(cams.gradcam, model, x, UNITS, { ...quiet, resizing: false });
    expect(small.maps.shape).toEqual([2, 4, 2]);
    expectClose(small.maps, expected);
    for (const method of [cams.gradcam, cams.gradcampp, cams.scorecam]) {
      const { maps } = await ke.explain(method, model, x, UNITS, quiet);
      expect(maps.shape).toEqual([2, 8, 2]);
    }
  });

  it('a CAM has its activations: images made of vectors, tokens of images', async () => {
    const pictures = new Graph([-1, 8]);
    const image = pictures.op('Relu', [pictures.reshape('x', [-1, 2, 2, 2])]);
    const ofVectors = await load(pictures, [pictures.dense(pictures.mean(image, [1, 2]), HEAD), image]);
    const tokens = new Graph([-1, 2, 2, 2]);
    const signal = tokens.op('Relu', [tokens.reshape('x', [-1, 4, 2])]);
    const ofImages = await load(tokens, [tokens.dense(tokens.mean(signal, [1]), HEAD), signal]);
    const raw = { ...quiet, resizing: false } as const;
    for (const method of [cams.gradcam, cams.gradcampp]) {
      const options = { ...raw, postprocessing: ke.filters.normalize };
      const { maps: flat } = await ke.explain(method, ofVectors, x, UNITS, options);
      const { maps } = await ke.explain(method, ofImages, ke.tensor(x.data, [2, 2, 2, 2]), UNITS, options);
      expect(flat.shape).toEqual([2, 2, 2, 2]);
      expect(maps.shape).toEqual([2, 4, 2]);
      expectClose(flat, valuesOf(maps));
      // Each map by itself was stretched over all of its positions.
      for (const unit of [0, 1]) {
        const first = valuesOf(maps).filter((_, i) => i < 8 && i % 2 === unit);
        expect([Math.min(...first), Math.max(...first)]).toEqual([0, 1]);
      }
    }
    const resized = ke.explain(cams.gradcam, ofVectors, x, UNITS, quiet);
    await expect(resized).rejects.toThrow('have 2 axes of positions and cannot be resized to 1 sizes');
  });

  it('axes that are named are those of the activations, too', async () => {
    const graph = new Graph([-1, 8]);
    const signal = graph.op('Relu', [graph.reshape('x', [-1, 4, 2])]);
    const model = await load(graph, [graph.dense(graph.mean(signal, [1]), HEAD), signal]);
    const wrong = ke.explain(cams.gradcam, model, x, UNITS, { ...quiet, spatialAxis: [-3, -2] });
    await expect(wrong).rejects.toThrow('Set `spatialAxis` to [-2].');
  });
});
