/** Score-CAM of models that were saved for a batch of one sample: scripts/fixtures/make_imports.py, `fixed_batch`. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';

const pathOf = (keras: string) =>
  fileURLToPath(new URL(`../../fixtures/imports/${keras}/fixed_batch/model`, import.meta.url));

const SIDE = 6;
const CHANNELS = 3;
const UNIT = 1;

const x = ke.tensor(
  Float32Array.from({ length: 3 * SIDE * SIDE * CHANNELS }, (_, i) => Math.sin(1 + i * i)),
  [3, SIDE, SIDE, CHANNELS],
);

/** Returns the values scaled to [0, 1]. */
function scaled(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.map((value) => (most > least ? (value - least) / (most - least) : 0));
}

/** Returns the weights of the positions of one axis of `from` positions in each of `to`, as bilinear resizing has. */
function interpolation(from: number, to: number): number[][] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    return Array.from({ length: from }, (_, k) => Math.max(0, 1 - Math.abs(place - k)));
  });
}

/** Returns the mask (height, width) resized to the sides of the input. */
function resized(mask: readonly number[], height: number, width: number): number[] {
  const [rows, columns] = [interpolation(height, SIDE), interpolation(width, SIDE)];
  return rows.flatMap((row) =>
    columns.map((column) =>
      mask.reduce((sum, value, i) => {
        const weight = (row[Math.floor(i / width)] as number) * (column[i % width] as number);
        return sum + weight * value;
      }, 0),
    ),
  );
}

/** Score-CAM of one sample by its formula, one masked input after the other. */
async function byFormula(model: ke.Model, sample: ke.Tensor): Promise<number[]> {
  const exposed = ke.inspection.expose(model);
  const [, activations] = (await exposed.predict(sample)) as readonly [ke.Tensor, ke.Tensor];
  const [, height, width, count] = activations.shape as [number, number, number, number];
  const map = new Array<number>(SIDE * SIDE).fill(0);
  for (let k = 0; k < count; k++) {
    const channel = [...activations.data].map(Number).filter((_, i) => i % count === k);
    const mask = resized(scaled(channel), height, width);
    const masked = [...sample.data].map(
      (value, i) => Number(value) * (mask[Math.floor(i / CHANNELS)] as number),
    );
    const logits = await model.predict(ke.tensor(Float32Array.from(masked), sample.shape));
    const score = Number((logits as ke.Tensor).data[UNIT]);
    for (let i = 0; i < map.length; i++) map[i] = (map[i] as number) + score * (mask[i] as number);
  }
  return map;
}

test.each(['keras2', 'keras3'])('%s: the maps of several samples are those of the formula', async (keras) => {
  using model = await ke.loadModel(pathOf(keras));
  // Keras 3 exports every model with a batch of any size.
  expect(model.inputs[0]?.shape?.[0]).toBe(keras === 'keras2' ? 1 : null);
  const exposed = ke.inspection.expose(model);
  const y = [[UNIT], [UNIT], [UNIT]];
  const formula: number[] = [];
  for (let i = 0; i < 3; i++) formula.push(...(await byFormula(model, x.rows(i, i + 1))));
  for (const maskBatchSize of [undefined, 1, 4]) {
    const options = { postprocessing: null, verbose: 0, ...(maskBatchSize && { maskBatchSize }) } as const;
    const { maps } = await ke.scorecam(exposed, x, y, options);
    expect(maps.shape).toEqual([3, SIDE, SIDE, 1]);
    const most = Math.max(...formula.map(Math.abs));
    for (const [i, value] of formula.entries()) {
      expect(Math.abs(Number(maps.data[i]) - value)).toBeLessThan(1e-5 * most);
    }
  }
});
