import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { readLabels } from '../../../lib/cli/shared/pictures/labels.js';
import { loadBatch } from '../../../lib/cli/shared/pictures/load_pictures.js';
import { checkMemory } from '../../../lib/cli/shared/pictures/memory.js';
import { findPictures, OutputNames } from '../../../lib/cli/shared/pictures/picture_files.js';
import {
  formatScore,
  labelOf,
  scoreKindOf,
  scoresOf,
  topPredictions,
  topUnits,
} from '../../../lib/cli/shared/pictures/predictions.js';
import { predictScores } from '../../../lib/cli/shared/pictures/scores.js';
import { temporaryDirectory, writerIn } from './support.js';

const directory = temporaryDirectory();
const file = writerIn(directory);

describe('predictions', () => {
  test('probabilities stay unchanged, logits pass through softmax or sigmoid', () => {
    expect(scoreKindOf([0.1, 0.9, 0.5, 0.5], 2, null)).toBe('probability');
    expect(scoreKindOf([0.1, 0.9, 0.5, 1.5], 2, null)).toBe('softmax');
    expect(scoreKindOf([-0.1], 1, null)).toBe('sigmoid');
    expect(scoreKindOf([Number.NaN, 0.5], 2, null)).toBe('softmax');
    // A float32 softmax may exceed 1 by rounding.
    expect(scoreKindOf([1.0000001, 0], 2, 'softmax')).toBe('probability');
    expect([...scoresOf([0.2, 0.7], 'probability')]).toEqual([0.2, 0.7]);
    expect([...scoresOf([0], 'sigmoid')]).toEqual([0.5]);
  });

  test('softmax of large logits is finite', () => {
    // 1 / (1 + e) and e / (1 + e)
    const [low, high] = scoresOf([1000, 1001], 'softmax');
    expect(low).toBeCloseTo(0.26894142, 7);
    expect(high).toBeCloseTo(0.73105858, 7);
  });

  test('top units come by score, equal ones by index', () => {
    expect(topUnits([1, 5, 3, 5], 3)).toEqual([1, 3, 2]);
    expect(topUnits([1, 5], 9)).toEqual([1, 0]);
  });

  test('NaN is no top unit, and does not upset the order of the others', () => {
    const { NaN: nan, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;
    expect(topUnits([1, nan, 3, nan, 2], 9)).toEqual([2, 4, 0, 1, 3]);
    expect(topUnits([nan, least, most, nan, most], 9)).toEqual([2, 4, 1, 0, 3]);
    expect(labelOf(1, ['cat'])).toBe('unit 1');
    expect(topPredictions([0.25, 0.75], 1, ['cat', 'dog'])).toEqual([{ unit: 1, label: 'dog', score: 0.75 }]);
    expect([formatScore(0.1234), formatScore(0.99999)]).toEqual(['12.3 %', '100.00 %']);
  });
});

describe('an interrupt', () => {
  const signal = AbortSignal.abort(new Error('Ctrl-C'));

  test('ends the reading of pictures before the next one', async () => {
    const missing = [join(directory, 'missing.png')];
    const target = {} as Parameters<typeof loadBatch>[1]['target'];
    const reading = { target, preprocess: 'none' } as const;
    await expect(loadBatch(missing, { ...reading, signal })).rejects.toThrow('Ctrl-C');
    const { failures } = await loadBatch(missing, { ...reading, signal: new AbortController().signal });
    expect(failures).toHaveLength(1);
  });

  test('reaches the prediction', async () => {
    const predict = vi.fn().mockRejectedValue(new Error('told'));
    const target = { model: { predict }, units: 2 } as unknown as Parameters<typeof predictScores>[0];
    const inputs = {} as Parameters<typeof predictScores>[1];
    await expect(predictScores(target, inputs, 4, null, signal)).rejects.toThrow('told');
    expect(predict).toHaveBeenCalledWith(inputs, { batchSize: 4, signal });
  });
});

describe('labels', () => {
  test.each([
    ['lines', 'cat\r\ndog \n', ['cat', 'dog']],
    ['array', '["cat","dog"]', ['cat', 'dog']],
    ['object', '{"1":"dog","0":"cat"}', ['cat', 'dog']],
    ['keras', '{"0":["n01","cat"],"1":["n02","dog"]}', ['cat', 'dog']],
  ])('are read from %s', async (name, text, expected) => {
    expect(await readLabels(await file(`${name}.labels`, text))).toEqual(expected);
  });

  test('wrong files are refused by name', async () => {
    await expect(readLabels(join(directory, 'none'))).rejects.toThrow(/--labels: cannot read .*ENOENT/);
    await expect(readLabels(await file('bad.json', '["cat",'))).rejects.toThrow(/not valid JSON/);
    await expect(readLabels(await file('odd.json', '{"cat": 1}'))).rejects.toThrow(/a name a line/);
  });
});

describe('pictures', () => {
  test('are found by glob or path, sorted, each once', async () => {
    const paths = await Promise.all(['b.png', 'a.png', 'c.jpg'].map((name) => file(name, '')));
    const found = await findPictures([join(directory, '*.png'), paths[1] as string]);
    expect(found.map((path) => path.split('/').at(-1))).toEqual(['a.png', 'b.png']);
    await expect(findPictures([join(directory, '*.bmp')])).rejects.toThrow(/no file matches/);
  });

  test('that are named and cannot be read are refused, also beside others', async () => {
    const there = await file('there.png', '');
    const [missing, link] = ['missing.png', 'link.png'].map((name) => join(directory, name)) as [
      string,
      string,
    ];
    await symlink('link.png', link);
    await expect(findPictures([there, missing])).rejects.toThrow(/--images: '.*missing.png' is not there/);
    await expect(findPictures([there, link])).rejects.toThrow(/link that leads nowhere \(ELOOP\)/);
    await expect(findPictures(['/dev/null', there])).rejects.toThrow(/'\/dev\/null' is no file/);
    await expect(findPictures([directory])).rejects.toThrow(/no file matches/);
    expect(await findPictures([directory, there])).toEqual([there]);
    await rm(link);
  });

  test('with brackets in their name are files, not patterns', async () => {
    const path = await file('photo [1] (2).png', '');
    expect(await findPictures([path])).toHaveLength(1);
  });

  test('of one name get names of their own', () => {
    const names = new OutputNames();
    expect(['a/cat.jpg', 'b/cat.jpg', 'c/CAT.jpg', 'a/dog.jpg'].map((path) => names.next(path))).toEqual([
      'cat.jpg',
      'cat.jpg-2',
      'CAT.jpg-3',
      'dog.jpg',
    ]);
    const long = `${'ü'.repeat(125)}.png`;
    const [first, second] = [names.next(long), names.next(`other/${long}`)] as [string, string];
    expect(first).not.toBe(second);
    for (const name of [first, second]) expect(Buffer.byteLength(`${name}.original.png`)).toBeLessThan(256);
  });
});

describe('memory', () => {
  const target = { size: [96, 96], channels: 3, dtype: 'float32' } as const;
  const picture = 96 * 96 * 3 * 4;

  test('sizes that fit are not refused', () => {
    expect(() => checkMemory(target, { batchSize: 4 }, 4 * picture)).not.toThrow();
    expect(() => checkMemory(target, { batchSize: 1, scales: [0.5, 1.5] }, 2.25 * picture)).not.toThrow();
  });

  test.each([
    [
      { batchSize: 5 },
      4 * picture,
      "--batch-size: a batch of 5 pictures of 96x96 takes 553 kB as the model's input alone, but there are 442 kB of " +
        'memory. Choose a smaller one.',
    ],
    [{ batchSize: 5, size: [96, 96] as const }, 4 * picture, 'Choose a smaller one, or a smaller --size.'],
    [{ batchSize: 5 }, picture - 1, '--size: a picture of 96x96 takes 111 kB'],
    [
      { batchSize: 1, scales: [0.5, 1.5] },
      2 * picture,
      '--scales: a picture 1.5 times as large, 144x144, takes 249 kB',
    ],
    [
      { batchSize: 1, scales: [0.5, 1000] },
      1e18,
      '--scales: a picture 1000 times as large, 96000x96000, has more than 67108864 pixels. Choose smaller ones.',
    ],
  ])('%j is refused by its option', (demand, limit, message) => {
    expect(() => checkMemory(target, demand, limit)).toThrow(message);
  });

  test('the limit is that of this machine', () => {
    const huge = { ...target, size: [1e7, 1e7] } as const;
    expect(() => checkMemory(huge, { batchSize: 1, size: huge.size })).toThrow(/^--size: .* takes 1.2 PB/);
  });
});
