/** The command line on models that compute in other dtypes than float32: pictures, scores and metrics take float32. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numbersOf } from '../../../lib/cli/shared/values.js';
import * as ke from '../../../lib/index.js';
import { cli, DEMO, objects, ROOT, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();
const PICTURES = ['01-digit-0.png', '02-digit-1.png', '03-digit-2.jpg'];
const IMAGES = PICTURES.map((name) => `${DEMO}/images/${name}`);
/** Of the models' input. */
const SIDE = 6;
const UNIT = 2;

const METHODS = {
  gradients: { method: ke.methods.gradient.gradients, positive: false },
  gradcam: { method: ke.methods.cams.gradcam, positive: true },
};

/** As the filters `normalize` and `positiveNormalize` stretch a map, in float64. */
function normalised(map: Float64Array, positive: boolean): Float64Array {
  const kept = positive ? map.map((value) => Math.max(value, 0)) : map;
  const least = Math.min(...kept);
  const range = Math.max(...kept) - least;
  return kept.map((value) => (value - least) / range);
}

/** A square map, row-major, resized bilinearly with sample points at the centres of cells. */
function resized(map: Float64Array, side: number): Float64Array {
  const own = Math.sqrt(map.length);
  const cell = (i: number) => Math.min(Math.max(i, 0), own - 1);
  const at = (y: number, x: number) => map[cell(y) * own + cell(x)] as number;
  return Float64Array.from({ length: side ** 2 }, (_, i) => {
    const y = ((Math.floor(i / side) + 0.5) * own) / side - 0.5;
    const x = (((i % side) + 0.5) * own) / side - 0.5;
    const [top, left] = [Math.floor(y), Math.floor(x)];
    const row = (j: number) => at(j, left) + (at(j, left + 1) - at(j, left)) * (x - left);
    return row(top) + (row(top + 1) - row(top)) * (y - top);
  });
}

describe.each([
  ['float64', 'float64'],
  ['float16', 'float16_pictures'],
] as const)('a model of %s', (dtype, name) => {
  const path = `test/fixtures/tiny/${name}`;
  let model: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(join(ROOT, path));
    const rows = IMAGES.map(async (file) => {
      const picture = await ke.image.readImage(join(ROOT, file));
      return ke.image.prepareImage(picture, { size: [SIDE, SIDE], dtype });
    });
    x = await ke.image.batchImages(await Promise.all(rows));
  });
  afterAll(() => model.close());

  test.each(Object.entries(METHODS))(
    'explain --method %s lays its maps over pictures',
    async (name, given) => {
      const out = join(directory, dtype, name);
      const ended = await cli(
        ...['explain', '--model', path, '--images', ...IMAGES, '--out', out, '--method', name, '--json'],
        ...['--units', String(UNIT), '--alpha', '1', '--colormap', 'grey'],
        ...['--boxes', `${DEMO}/boxes.json`, '--sheet', join(out, 'sheet.png')],
      );
      expect(ended.err).toBe('');
      expect(ended.code).toBe(0);
      const { method, positive } = given;
      const units = PICTURES.map(() => [UNIT]);
      const options = { postprocessing: null, resizing: false, verbose: 0 } as const;
      const view = positive ? ke.inspection.expose(model) : model;
      const { maps } = await ke.explain(method as ke.Method, view, x, units, options);
      // Gradients that pass float16 are scaled, and the maps are computed in float32.
      expect(maps.dtype).toBe(dtype === 'float16' ? 'float32' : dtype);
      const lines = objects(ended.out);
      for (const [i, picture] of PICTURES.entries()) {
        const map = resized(normalised(numbersOf(maps.rows(i, i + 1)), positive), SIDE);
        // Of a map that is the same everywhere, raw bits would look the same.
        expect(map.filter((value) => value > 0.1 && value < 0.9).length).toBeGreaterThan(1);
        const shown = await ke.image.readImage(join(ROOT, IMAGES[i] as string));
        const whole = ke.tensor(Float32Array.from(map), [1, SIDE, SIDE, 1]);
        const expected = await ke.image.overlay(shown, whole, { alpha: 1, colormap: 'grey' });
        const laid = await ke.image.readImage(join(out, 'images', `${picture}.unit-${UNIT}.png`));
        expect(laid.shape).toEqual(expected.shape);
        const levels = expected.data as Uint8Array;
        const differences = levels.map((level, j) => Math.abs(level - (laid.data[j] as number)));
        // A value between two of the 256 levels may be rounded to either.
        expect(Math.max(...differences)).toBeLessThanOrEqual(1);
        expect(lines[i]).toMatchObject({ type: 'picture', path: IMAGES[i], hit: expect.any(Boolean) });
      }
      expect(lines.at(-1)).toMatchObject({
        type: 'summary',
        explained: PICTURES.length,
        failed: 0,
        pointing: { pictures: PICTURES.length },
      });
    },
  );

  test('explain --method all compares every method', async () => {
    const out = join(directory, dtype, 'all');
    const ended = await cli(
      ...['explain', '--model', path, '--images', ...IMAGES, '--out', out, '--method', 'all', '--json'],
      ...['--boxes', `${DEMO}/boxes.json`, '--repetitions', '2', '--scales', '1.5'],
    );
    expect(ended.err).toBe('');
    expect(ended.code).toBe(0);
    const methods = objects(ended.out).filter(({ type }) => type === 'method');
    expect(methods).toHaveLength(9);
    for (const { pointing } of methods) expect(pointing).toMatchObject({ pictures: PICTURES.length });
    expect(await readdir(join(out, 'methods'))).toHaveLength(9);
  });

  test('predict prints what the model gives', async () => {
    const { code, err, out } = await cli('predict', '--model', path, '--images', ...IMAGES, '--json');
    expect(err).toBe('');
    expect(code).toBe(0);
    const logits = (await model.predict(x)) as ke.Tensor;
    expect(logits.dtype).toBe(dtype);
    const values = numbersOf(logits);
    const rows = objects(out).slice(0, -1);
    expect(rows).toHaveLength(PICTURES.length);
    for (const [i, { predictions }] of rows.entries()) {
      const powers = values.subarray(i * 3, (i + 1) * 3).map(Math.exp);
      const sum = powers.reduce((a, b) => a + b);
      expect(predictions).toHaveLength(3);
      for (const { unit, score } of predictions) expect(score).toBeCloseTo((powers[unit] as number) / sum, 6);
    }
  });

  test('bench and doctor explain it by gradients and Grad-CAM', async () => {
    for (const method of Object.keys(METHODS)) {
      const args = ['--method', method, '--batch-size', '1', '--seconds', '0.01', '--json'];
      const bench = await cli('bench', '--model', path, ...args);
      expect(bench.err).toBe('');
      expect(bench.code).toBe(0);
    }
    const { out } = await cli('doctor', '--model', path, '--json');
    const { findings } = JSON.parse(out);
    const found = findings.find(({ check }: { check: string }) => check === 'model');
    expect(found).toMatchObject({ status: 'ok', facts: { explained: { method: 'gradcam', finite: true } } });
  });
});
