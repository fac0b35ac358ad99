/** `explain` of models that end in a softmax or a sigmoid: what is explained, and which scores are shown. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { cli, inProcess, objects, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();
const HEADS = 'test/fixtures/heads';
const picture = join(directory, 'picture.png');

interface Printed {
  type: string;
  predictions: { unit: number; label: string; score: number }[];
  overlays: { path: string }[];
  maps: number;
  constantMaps: number;
  scores: string;
}

beforeAll(async () => {
  const values = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * 37) % 256);
  await writeFile(picture, await ke.image.encodePng(ke.tensor(values, [1, 8, 8, 3])));
});

const args = (model: string, out: string, ...more: string[]) => [
  ...['explain', '--model', `${HEADS}/${model}`, '--images', picture, '--out', join(directory, out)],
  ...['--preprocess', 'unit', '--json', ...more],
];

async function explained(model: string, out: string, ...more: string[]): Promise<[Printed, Printed]> {
  const ended = await inProcess(...args(model, out, ...more));
  expect(ended.code).toBe(0);
  return objects(ended.out) as unknown as [Printed, Printed];
}

async function probabilities(name: string): Promise<number[]> {
  using model = await ke.loadModel(`${HEADS}/${name}`);
  const values = Float32Array.from({ length: 8 * 8 * 3 }, (_, i) => ((i * 37) % 256) / 255);
  return Array.from(((await model.predict(ke.tensor(values, [1, 8, 8, 3]))) as ke.Tensor).data, Number);
}

const overlayOf = (out: string, { overlays: [first] }: Printed) =>
  readFile(join(directory, out, first?.path as string));

describe('a softmax head', () => {
  test.each(['gradcam', 'gradients'])('is explained by its logits by default: %s', async (method) => {
    const [linear] = await explained('keras3-softmax', `${method}-linear`, '--method', method);
    const [named] = await explained(
      'keras3-softmax',
      `${method}-named`,
      '--method',
      method,
      '--activation',
      'linear',
    );
    const [apart] = await explained('keras3-softmax_layer', `${method}-apart`, '--method', method);
    const [kept] = await explained(
      'keras3-softmax',
      `${method}-kept`,
      '--method',
      method,
      '--activation',
      'keep',
    );
    const overlay = await overlayOf(`${method}-linear`, linear);
    expect(overlay.equals(await overlayOf(`${method}-named`, named))).toBe(true);
    expect(overlay.equals(await overlayOf(`${method}-apart`, apart))).toBe(true);
    expect(overlay.equals(await overlayOf(`${method}-kept`, kept))).toBe(false);
  });

  test.each(['keras2-softmax', 'keras3-softmax'])("shows the model's own probabilities: %s", async (name) => {
    const [{ predictions }, summary] = await explained(name, `scores-${name}`);
    const expected = await probabilities(name);
    for (const { unit, score } of predictions) expect(score).toBeCloseTo(expected[unit] as number, 6);
    expect(summary.scores).toBe('probability');
  });

  test('is refused with an activation that does not exist', async () => {
    const { code, err } = await inProcess(...args('keras3-softmax', 'none', '--activation', 'softmax'));
    expect(code).toBe(2);
    expect(err).toContain('Expected one of: linear, keep.');
  });
});

describe('a head of one unit', () => {
  test('stands for the second of two labels', async () => {
    const labels = join(directory, 'labels.txt');
    await writeFile(labels, 'cat\ndog\n');
    const [{ predictions }] = await explained('keras3-sigmoid', 'labels', '--labels', labels);
    const [expected] = await probabilities('keras3-sigmoid');
    expect(predictions).toEqual([{ unit: 0, label: 'dog', score: expect.closeTo(expected as number, 6) }]);
  });
});

describe('maps with one value at all positions', () => {
  test('are counted', async () => {
    const [, summary] = await explained('keras3-pooled', 'blank', '--layer', 'pool', '--top', '2');
    expect([summary.constantMaps, summary.maps]).toEqual([2, 2]);
    const text = await inProcess(
      ...args('keras3-pooled', 'text', '--layer', 'pool').filter((each) => each !== '--json'),
    );
    expect(text.out).toContain('1 of 1 maps have the same value at all positions: they show no place.');
  });

  test('do not come from a pooling to 1 x 1, of which a line warns', async () => {
    const { code, out, err } = await cli(...args('keras3-pooled', 'default'));
    expect(code).toBe(0);
    expect(objects(out).at(-1)).toMatchObject({ type: 'summary', constantMaps: 0, maps: 1 });
    expect(err).toMatch(
      /^warning: The model has no global pooling or Flatten whose input has several positions/,
    );
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});
