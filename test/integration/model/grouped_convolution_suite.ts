/**
 * Convolutions in groups, compared with plain convolutions of the same values: the kernel of the plain convolution has
 * zeros wherever a unit of one group would read a channel of another group.
 */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { difference } from '../helpers/difference.js';
import { GraphDef } from '../methods/random/graph_def.js';

const FLOAT = { T: { type: 'float32' } } as const;
const CHANNELS = 8;
const GROUPS = 4;
const UNITS = 12;
const OPTIONS = { verbose: 0, resizing: false, postprocessing: null } as const;

/** The values of a kernel (positions, CHANNELS / groups, UNITS), or of its plain form (positions, CHANNELS, UNITS). */
function kernelValues(positions: number, plain: boolean): number[] {
  const read = CHANNELS / GROUPS;
  const value = (p: number, i: number, u: number) => Math.sin(1 + p * 37 + i * 11 + u * 5) / 4;
  const values: number[] = [];
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < (plain ? CHANNELS : read); i++) {
      for (let u = 0; u < UNITS; u++) {
        const group = Math.floor(u / (UNITS / GROUPS));
        if (!plain) values.push(value(p, i, u));
        else values.push(Math.floor(i / read) === group ? value(p, i % read, u) : 0);
      }
    }
  }
  return values;
}

type Following = 'bias' | 'norm' | 'relu' | 'squeeze';

/** x through a convolution, what TensorFlow fuses with a convolution, a mean over positions, and a dense layer. */
function network(spatial: 2 | 3, following: Following, strides: number, plain: boolean): Uint8Array {
  const graph = new GraphDef();
  const flat = following === 'squeeze';
  const shape = flat ? [-1, 6, CHANNELS] : [-1, ...Array(spatial).fill(6), CHANNELS];
  let x = graph.add('Placeholder', [], { dtype: { type: 'float32' }, shape: { shape } });
  if (flat) {
    const axis = graph.constant([1], [], 'int32');
    x = graph.add('ExpandDims', [x, axis], { ...FLOAT, Tdim: { type: 'int32' } });
  }
  const window = flat ? [1, 3] : Array(spatial).fill(3);
  const positions = window.reduce((a, b) => a * b, 1);
  const kernel = graph.constant(
    kernelValues(positions, plain),
    [...window, plain ? CHANNELS : CHANNELS / GROUPS, UNITS],
    'float32',
  );
  let value = graph.add(spatial === 2 ? 'Conv2D' : 'Conv3D', [x, kernel], {
    ...FLOAT,
    strides: [1, ...Array(spatial).fill(strides), 1],
    padding: 'SAME',
  });
  const vector = (from: number) =>
    graph.constant(
      Array.from({ length: UNITS }, (_, i) => from + i / UNITS),
      [UNITS],
      'float32',
    );
  if (flat) value = graph.add('Squeeze', [value], { ...FLOAT, squeeze_dims: [1] });
  if (following === 'norm') {
    value = graph.add('FusedBatchNormV3', [value, vector(1), vector(-1), vector(0), vector(0.5)], {
      ...FLOAT,
      U: { type: 'float32' },
      is_training: false,
    });
  } else {
    value = graph.add('BiasAdd', [value, vector(-0.5)], FLOAT);
  }
  if (following === 'relu') value = graph.add('Relu', [value], FLOAT);
  const axes = Array.from({ length: flat ? 1 : spatial }, (_, i) => i + 1);
  const mean = graph.add('Mean', [value, graph.constant(axes, [axes.length], 'int32')], {
    ...FLOAT,
    Tidx: { type: 'int32' },
  });
  const dense = Array.from({ length: UNITS * 2 }, (_, i) => Math.cos(i));
  const weights = graph.constant(dense, [UNITS, 2], 'float32');
  return graph.encode([graph.add('MatMul', [mean, weights], FLOAT)], {});
}

const CASES = [
  [2, 'bias', 1],
  [2, 'bias', 2],
  [2, 'relu', 1],
  [2, 'norm', 1],
  [2, 'squeeze', 1],
  [3, 'bias', 1],
  [3, 'relu', 2],
] as const;

/** Registers the tests. `oneDnn` is the value of TF_ENABLE_ONEDNN_OPTS, which a process reads once. */
export function testGroupedConvolutions(oneDnn: '0' | '1'): void {
  process.env.TF_ENABLE_ONEDNN_OPTS = oneDnn;
  let folder: string;
  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'ke-grouped-'));
  });
  afterAll(() => fs.rm(folder, { recursive: true }));

  describe.each([false, true])(`with TF_ENABLE_ONEDNN_OPTS=${oneDnn} and runEagerly %s`, (runEagerly) => {
    it.each(CASES)('a grouped Conv%iD before %s with strides %i equals the plain one', async (...kind) => {
      const [spatial, following, strides] = kind;
      const models: ke.Model[] = [];
      for (const plain of [false, true]) {
        const file = path.join(folder, `${kind.join('_')}_${plain}.pb`);
        await fs.writeFile(file, network(spatial, following, strides, plain));
        models.push(await ke.loadModel(file, { runEagerly }));
      }
      const sizes = following === 'squeeze' ? [6] : Array(spatial).fill(6);
      const x = ke.allocate([3, ...sizes, CHANNELS]);
      (x.data as Float32Array).forEach((_, i, data) => {
        data[i] = Math.sin(i * 0.7);
      });
      const options = { ...OPTIONS, spatialAxis: sizes.map((_, i) => i - sizes.length - 1) };
      const [grouped, plain] = await Promise.all(
        models.map(async (model) => ({
          logits: (await model.predict(x)) as ke.Tensor,
          maps: (await ke.gradients(model, x, null, options)).maps as ke.Tensor,
        })),
      );
      for (const model of models) model.close();
      expect(difference(grouped?.logits as ke.Tensor, plain?.logits as ke.Tensor)).toBeLessThan(1e-5);
      expect(difference(grouped?.maps as ke.Tensor, plain?.maps as ke.Tensor)).toBeLessThan(1e-5);
    });
  });
}
