import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { cli, DEMO, inProcess, objects, ROOT, start, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();

/** An array of float32 as NumPy writes it. */
async function npy(name: string, values: Float32Array, shape: readonly number[]): Promise<string> {
  const path = join(directory, name);
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = `${header.padEnd(117)}\n`;
  const magic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length, 0]);
  await writeFile(path, Buffer.concat([magic, Buffer.from(padded, 'latin1'), Buffer.from(values.buffer)]));
  return path;
}

describe('predict', () => {
  test('takes a scalar of a .npz file for an input that all rows share', async () => {
    const folder = 'test/fixtures/imports/keras3/scalar_input';
    const args = ['--model', `${folder}/model`, '--inputs', `${folder}/inputs.npz`, '--json'];
    const { code, out, err } = await inProcess('predict', ...args, '--batch-size', '1');
    expect([err, code]).toEqual(['', 0]);
    const found = objects(out)
      .slice(0, -1)
      .flatMap(({ outputs }) => outputs.y);
    const { outputs } = JSON.parse(await readFile(join(ROOT, folder, 'expected.json'), 'utf8'));
    expect(found).toHaveLength(4);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(outputs.y.data[i], 5);
  });

  test('prints class scores per picture: those that explain finds', async () => {
    const pictures = ['--images', `${DEMO}/images/0*`, '--model', `${DEMO}/model`];
    const labels = ['--labels', `${DEMO}/labels.txt`];
    const [text, json, explained] = [
      await cli('predict', ...pictures, ...labels, '--top', '2', '--batch-size', '4'),
      await inProcess('predict', ...pictures, ...labels, '--json'),
      await inProcess('explain', ...pictures, ...labels, '--json', '--out', join(directory, 'maps')),
    ];
    expect([text.err, json.err]).toEqual(['', '']);
    expect([text.code, json.code]).toEqual([0, 0]);
    const found = objects(json.out);
    const names = await readdir(join(ROOT, DEMO, 'images'));
    const expected = names.filter((name) => name.startsWith('0')).sort();
    expect(found.slice(0, -1).map(({ path }) => path)).toEqual(
      expected.map((name) => `${DEMO}/images/${name}`),
    );
    expect(found.at(-1)).toEqual({
      type: 'summary',
      predicted: 9,
      failed: 0,
      total: 9,
      interrupted: false,
      scores: 'softmax',
    });
    const pick = ({ path, predictions }: { path: string; predictions: unknown }) => ({ path, predictions });
    expect(found.slice(0, -1).map(pick)).toEqual(objects(explained.out).slice(0, -1).map(pick));

    const [first] = found;
    const [{ label, score }] = first.predictions;
    expect(text.out).toContain(`${first.path}  ${label} ${(score * 100).toFixed(1)} %, `);
    expect(text.out.split('\n')[0]?.match(/%/g)).toHaveLength(2);
    expect(text.out).toContain('9 of 9 pictures predicted.');
  });

  test('skips what is no picture, and ends with 1', async () => {
    const pictures = ['--images', `${DEMO}/images/01*`, 'package.json'];
    const { code, out, err } = await inProcess('predict', '--model', `${DEMO}/model`, ...pictures);
    expect(code).toBe(1);
    expect(err).toMatch(/^skipped package\.json: Expected a JPEG/);
    expect(out).toContain('1 of 2 pictures predicted, 1 skipped.');
  });

  test("gives the model's own outputs for arrays, row by row", async () => {
    const shape = [5, 2, 2, 2];
    const values = Float32Array.from({ length: 40 }, (_, i) => i / 40 - 0.3);
    const path = await npy('x.npy', values, shape);
    const args = ['--model', 'test/fixtures/tiny/saved_model', '--inputs', path];
    const [json, text] = [
      await cli('predict', ...args, '--json', '--batch-size', '2'),
      await inProcess('predict', ...args, '--top', '1'),
    ];
    expect([json.err, text.err]).toEqual(['', '']);
    expect([json.code, text.code]).toEqual([0, 0]);

    using model = await ke.loadModel('test/fixtures/tiny/saved_model');
    const logits = (await model.predict(ke.tensor(values, shape))) as ke.Tensor;
    const rows = objects(json.out);
    expect(rows).toHaveLength(6);
    expect(rows.at(-1)).toEqual({ type: 'summary', rows: 5, total: 5, interrupted: false });
    const found = rows.slice(0, -1).flatMap(({ outputs }) => outputs.output_0);
    expect(found).toHaveLength(15);
    for (const [i, value] of found.entries()) expect(value).toBeCloseTo(Number(logits.data[i]), 5);
    expect(rows.slice(0, -1).map(({ row }) => row)).toEqual([0, 1, 2, 3, 4]);
    expect(text.out.match(/^row \d {2}unit \d [\d.]+ %$/gm)).toHaveLength(5);
    expect(text.out).toContain('5 of 5 rows predicted.');
  });

  test.each([
    ['of another shape', [3, 3], /--inputs: Expected shape .* but received \(3, 3\)/],
    ['that are not there', null, /--inputs: .*ENOENT.*none\.npy/],
  ])('refuses arrays %s', async (_, shape, message) => {
    const path =
      shape === null ? join(directory, 'none.npy') : await npy('y.npy', new Float32Array(9), shape);
    const { code, out, err } = await inProcess('predict', '--model', `${DEMO}/model`, '--inputs', path);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    expect(out).toBe('');
  });

  test('Ctrl-C ends it, with what was there', async () => {
    // Half a minute's work, if nothing ended it.
    const rows = 50_000;
    const path = await npy('many.npy', new Float32Array(rows * 8), [rows, 2, 2, 2]);
    const args = [
      '--model',
      'test/fixtures/tiny/saved_model',
      '--inputs',
      path,
      '--batch-size',
      '1',
      '--json',
    ];
    const { child, ended } = start(['predict', ...args]);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect(code).toBe(130);
    expect(err).toBe('');
    const found = objects(out);
    expect(found.at(-1)).toEqual({ type: 'summary', rows: found.length - 1, total: rows, interrupted: true });
    expect(found.length).toBeLessThan(rows);
  });

  test('a reader that leaves early is no failure', async () => {
    const pictures = ['--images', `${DEMO}/images/*`, '--batch-size', '1'];
    const { child, ended } = start(['predict', '--model', `${DEMO}/model`, ...pictures]);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { code, err } = await ended;
    expect(err).toBe('');
    expect(code).toBe(0);
  });
});
