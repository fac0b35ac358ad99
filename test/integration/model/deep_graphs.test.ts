/**
 * A graph of 100,000 ops one after the other: loaded, exposed, run, explained and checked. Nothing may recurse once per
 * op, which overflows a stack and ends the process, nor start over for every op.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { GraphDef } from '../methods/random/graph_def.js';

const DEPTH = 100_000;
const FLOAT = { T: { type: 'float32' } } as const;
const OPTIONS = { verbose: 0, resizing: false, postprocessing: null } as const;

/** x (N, 2, 2, 2) through a convolution with a bias, the chain, a mean over positions, and a dense layer of 3 units. */
function deepModel(): Uint8Array {
  const graph = new GraphDef();
  const x = graph.add('Placeholder', [], { dtype: { type: 'float32' }, shape: { shape: [-1, 2, 2, 2] } });
  const layer = <T>(name: string, make: () => T) => {
    graph.scope = `${name}/`;
    const made = make();
    graph.scope = '';
    return made;
  };
  const ones = (shape: readonly number[], name: string) =>
    graph.constant(Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape, 'float32', name);
  const biased = layer('conv', () => {
    const attributes = { ...FLOAT, strides: [1, 1, 1, 1], padding: 'SAME' } as const;
    const convolved = graph.add('Conv2D', [x, ones([1, 1, 2, 2], 'kernel')], attributes);
    return graph.add('BiasAdd', [convolved, ones([2], 'bias')], FLOAT);
  });
  const end = layer('chain', () => {
    let value = biased;
    for (let i = 0; i < DEPTH; i++) value = graph.add('Neg', [value], FLOAT);
    const chosen = graph.add('IsFinite', [biased], FLOAT);
    return graph.add('SelectV2', [chosen, value, biased], FLOAT);
  });
  const pooled = layer('pool', () =>
    graph.add('Mean', [end, graph.constant([1, 2], [2], 'int32')], { ...FLOAT, Tidx: { type: 'int32' } }),
  );
  const logits = layer('dense', () => graph.add('MatMul', [pooled, ones([2, 3], 'kernel')], FLOAT));
  return graph.encode([logits], {});
}

let folder: string;
let file: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'ke-deep-'));
  file = path.join(folder, 'model.pb');
  await fs.writeFile(file, deepModel());
});
afterAll(() => fs.rm(folder, { recursive: true }));

const x = () => ke.tensor(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [1, 2, 2, 2]);
/** The mean of x over positions, summed over channels, and the biases: (4 + 5 + 1 + 1) of each channel, twice. */
const LOGIT = 2 * (4 + 5 + 1);

describe.each([false, true])('with runEagerly %s', { timeout: 300_000 }, (runEagerly) => {
  let model: ke.Model;
  beforeAll(async () => {
    model = await ke.loadModel(file, { runEagerly });
  });
  afterAll(() => model?.close());

  it('predicts', async () => {
    const { data } = (await model.predict(x())) as ke.Tensor;
    expect([...data]).toEqual([LOGIT, LOGIT, LOGIT]);
  });

  it('is explained by gradients', async () => {
    const { maps } = await ke.explain(ke.methods.gradient.gradients, model, x(), [[1]], OPTIONS);
    // 1/4 of a position, two channels of the convolution.
    expect([...(maps.data as Float32Array)]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it('is exposed, and explained by Grad-CAM and by full gradients', async () => {
    const exposed = ke.inspection.expose(model);
    const { maps } = await ke.explain(ke.methods.cams.gradcam, exposed, x(), [[1]], OPTIONS);
    expect(maps.shape).toEqual([1, 2, 2, 1]);
    const full = await ke.explain(ke.methods.gradient.fullGradients, model, x(), [[1]], {
      ...OPTIONS,
      resizing: true,
    });
    expect(full.maps.shape).toEqual([1, 2, 2, 1]);
  });
});
