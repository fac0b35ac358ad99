import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ComparedMethod, ComparisonPrinter } from '../../lib/cli/explain/comparison_printer.js';
import { PointingGame, readBoxes } from '../../lib/cli/explain/pointing.js';
import { escapeHtml, formatPointing, Report } from '../../lib/cli/explain/report.js';
import { cellSize } from '../../lib/cli/explain/sheet.js';
import {
  ALL,
  COMPARED_NAMES,
  METHOD_NAMES,
  type MethodSettings,
  methodName,
  methodsOf,
  type NamedMethod,
  noiseFor,
  type Passes,
} from '../../lib/cli/methods/named.js';
import { amount, fraction, imageSize, integer, oneOf, scaleList, unitList } from '../../lib/cli/options.js';
import { loadBatch } from '../../lib/cli/pictures/batch.js';
import { findPictures, OutputNames } from '../../lib/cli/pictures/files.js';
import { readLabels } from '../../lib/cli/pictures/labels.js';
import { formatScore, labelOf, scoreKindOf, scoresOf, topUnits } from '../../lib/cli/pictures/predictions.js';
import { predictScores } from '../../lib/cli/pictures/scores.js';
import { run } from '../../lib/cli/program.js';
import { methods } from '../../lib/index.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ke-cli-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

/** Runs the command line with its output in memory, as a pipe would take it. */
async function runCli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await run(args, {
    out: out as unknown as NodeJS.WriteStream,
    err: err as unknown as NodeJS.WriteStream,
  });
  return { code, out: String(out.read() ?? ''), err: String(err.read() ?? '') };
}

describe('options', () => {
  test('numbers are refused where they are none, or out of bounds', () => {
    expect(integer(1)('12')).toBe(12);
    for (const text of ['0', '-1', '1.5', '1e2', 'two', ''])
      expect(() => integer(1)(text)).toThrow(/at least 1/);
    expect(() => integer(1, 9)('10')).toThrow(/from 1 to 9/);
    expect(fraction('0.25')).toBe(0.25);
    for (const text of ['1.01', '-0.1', 'half', '', 'NaN'])
      expect(() => fraction(text)).toThrow(/from 0 to 1/);
  });

  test('units are a list without repetition', () => {
    expect(unitList('3, 1,3')).toEqual([3, 1]);
    for (const text of ['', '1,', '-1', 'a', '1.5']) expect(() => unitList(text)).toThrow(/unit indices/);
  });

  test('a size is one number, or height by width', () => {
    expect(imageSize('224')).toEqual([224, 224]);
    expect(imageSize('96x128')).toEqual([96, 128]);
    for (const text of ['0', '0x4', '4x', 'x4', '4x4x4', 'big']) expect(() => imageSize(text)).toThrow(/224/);
  });

  test('amounts are finite and not negative, scales above 0', () => {
    expect([amount('0'), amount('25.5'), amount('1e-3')]).toEqual([0, 25.5, 0.001]);
    for (const text of ['-1', '', 'much', 'NaN', 'Infinity'])
      expect(() => amount(text)).toThrow(/at least 0/);
    expect(scaleList('0.5, 2')).toEqual([0.5, 2]);
    expect(scaleList('')).toEqual([]);
    for (const text of ['0', '1,', '-1', '1;2', 'Infinity']) expect(() => scaleList(text)).toThrow(/above 0/);
  });

  test('a misspelled name is answered with the nearest one', () => {
    expect(() => oneOf(['gradcam', 'gradients'])('grad-cam')).toThrow("Did you mean 'gradcam'?");
    expect(() => oneOf(['tf', 'torch'])('zzzzzz')).toThrow('Expected one of: tf, torch.');
  });
});

describe('methods', () => {
  const one = (name: string, settings: MethodSettings = {}) =>
    methodsOf([name], settings, 'none')[0] as NamedMethod;

  test('every method of the groups is there, under its own name', () => {
    expect(METHOD_NAMES).toEqual(
      [...methods.cams.METHODS, ...methods.gradient.METHODS].map((method) => method.name),
    );
    expect(METHOD_NAMES).toEqual(['cam', 'gradcam', 'gradcampp', 'scorecam', 'gradients', 'fullGradients']);
    for (const name of METHOD_NAMES) expect([one(name).name, one(name).method.name]).toEqual([name, name]);
    expect(COMPARED_NAMES.map(methodName)).toEqual(COMPARED_NAMES);
  });

  test('names are taken as functions and as commands are named, meta methods after them', () => {
    expect(methodName('fullGradients')).toBe('fullGradients');
    expect(methodName('full-gradients')).toBe('fullGradients');
    expect(methodName('full_gradients_tta')).toBe('fullGradients_tta');
    expect(methodName('gradcam-smooth')).toBe('gradcam_smooth');
    expect(methodName('all')).toBe(ALL);
  });

  test('meta methods stand around one another in the order of the name', () => {
    const { method, name } = one('gradcam_smooth_tta');
    expect([name, method.name]).toEqual(['gradcam_smooth_tta', 'gradcam_smooth_tta']);
    expect(one('gradcam_tta_smooth').method.name).toBe('gradcam_tta_smooth');
  });

  test.each([
    ['gradcm', "Did you mean 'gradcam'?"],
    ['gradcam_smoth', "Did you mean 'gradcam_smooth'?"],
    ['fullgradient', "Did you mean 'fullGradients'?"],
    ['al', "Did you mean 'all'?"],
    ['smooth', 'one of them with _smooth or _tta after it'],
    ['zzzzzzzz', 'Expected one of: cam, gradcam,'],
    ['gradcam_smooth_tta_smooth', 'Expected one of: cam, gradcam,'],
    ['', 'Expected one of: cam, gradcam,'],
  ])('%j is no method', (name, message) => {
    expect(() => methodName(name)).toThrow(message);
  });

  test('each has the filter and the resizing of its shortcut, and knows what model it needs', () => {
    const facts = METHOD_NAMES.map((name) => {
      const { postprocessing, resizing, needsActivations } = one(`${name}_smooth`);
      return [name, postprocessing.name, resizing, needsActivations];
    });
    expect(facts).toEqual([
      ['cam', 'positiveNormalize', true, true],
      ['gradcam', 'positiveNormalize', true, true],
      ['gradcampp', 'positiveNormalize', true, true],
      ['scorecam', 'positiveNormalize', false, true],
      ['gradients', 'normalize', false, false],
      ['fullGradients', 'normalize', false, false],
    ]);
  });

  test('passes follow from the method, its settings, the channels and the units', () => {
    const sizes = { channels: 96, units: 3 };
    const passes = (name: string, settings: MethodSettings = {}) => {
      const { forward, backward, backwardTo } = one(name, settings).passes(sizes);
      return [forward, backward, backwardTo];
    };
    expect(passes('cam')).toEqual([1, 0, 'activations']);
    expect(passes('gradcam')).toEqual([1, 3, 'activations']);
    expect(passes('fullGradients')).toEqual([1, 3, 'input']);
    expect(passes('scorecam')).toEqual([97, 0, 'activations']);
    expect(passes('scorecam', { maxChannels: 10 })).toEqual([11, 0, 'activations']);
    expect(passes('scorecam', { maxChannels: 200 })).toEqual([97, 0, 'activations']);
    expect(passes('gradients_smooth')).toEqual([20, 60, 'input']);
    expect(passes('gradients_smooth', { repetitions: 4 })).toEqual([4, 12, 'input']);
    // The picture and three scales, each also mirrored.
    expect(passes('gradcam_tta')).toEqual([8, 24, 'activations']);
    expect(passes('gradcam_smooth_tta', { repetitions: 4, scales: [] })).toEqual([8, 24, 'activations']);
  });

  test('a setting that the method does not take is refused, with one that does', () => {
    expect(() => one('gradcam', { repetitions: 3 })).toThrow(
      '--repetitions: gradcam does not take it; it goes with methods such as gradcam_smooth.',
    );
    expect(() => one('gradcam_smooth', { scales: [2] })).toThrow('--scales: gradcam_smooth');
    expect(() => one('gradcam_tta', { noise: 0 })).toThrow('--noise: gradcam_tta');
    expect(() => one('gradients', { maxChannels: 3 })).toThrow('--max-channels: gradients');
    expect(() => one('gradcam', { weighting: 'softmax' })).toThrow('--weighting: gradcam');
    expect(one('scorecam', { maxChannels: 3, weighting: 'softmax' }).params).toEqual({
      maxChannels: 3,
      weighting: 'softmax',
    });
    expect(() =>
      methodsOf(COMPARED_NAMES, { repetitions: 3, noise: 1, scales: [2], maxChannels: 3 }, 'tf'),
    ).not.toThrow();
  });

  test('noise is a tenth of what pixels become', () => {
    expect(noiseFor('none')).toBe(25.5);
    expect(noiseFor('unit')).toBe(0.1);
    expect(noiseFor('tf')).toBe(0.2);
  });
});

describe('predictions', () => {
  test('what ends in softmax or sigmoid is taken as it is, logits go through one', () => {
    expect(scoreKindOf([0.1, 0.9, 0.5, 0.5], 2)).toBe('probability');
    expect(scoreKindOf([0.1, 0.9, 0.5, 1.5], 2)).toBe('softmax');
    expect(scoreKindOf([-0.1], 1)).toBe('sigmoid');
    expect(scoreKindOf([Number.NaN, 0.5], 2)).toBe('softmax');
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
    expect(labelOf(1, ['cat'])).toBe('unit 1');
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

describe('pointing game', () => {
  test('a maximum is a hit where the centre of its cell lies in the box', () => {
    const game = new PointingGame();
    // 2 x 2 cells over 20 x 40 pixels (height x width): the last cell's centre is x = 30, y = 15.
    expect(game.add([0, 0, 0, 1], [2, 2], [20, 40], [30, 15, 31, 16])).toBe(true);
    expect(game.add([0, 0, 0, 1], [2, 2], [20, 40], [29, 14, 30, 16])).toBe(false);
    // Areas: 1 and 2 of 800 pixels.
    expect(game.result()).toEqual({ hits: 1, pictures: 2, accuracy: 0.5, chance: 1.5 / 800 });
  });

  test('only the part of a box inside of the picture counts for chance', () => {
    const game = new PointingGame();
    game.add([1], [1, 1], [10, 10], [-5, 5, 5, 15]);
    expect(game.result()?.chance).toBe(0.25);
  });

  test('says what it found', () => {
    expect(formatPointing({ hits: 9, pictures: 10, accuracy: 0.9, chance: 0.085 })).toBe(
      "Pointing game: the map's maximum is inside the box in 9 of 10 pictures (90.0 %); chance gives 8.5 %.",
    );
    expect(new PointingGame().result()).toBeNull();
  });

  test('boxes are checked', async () => {
    const good = await file('boxes.json', '{"a.png": [0, 1, 2, 3]}');
    expect(await readBoxes(good)).toEqual(new Map([['a.png', [0, 1, 2, 3]]]));
    for (const text of ['[]', '{"a": [0, 1, 2]}', '{"a": [2, 0, 1, 1]}', '{"a": [0, 0, 1, null]}', '3']) {
      await expect(readBoxes(await file('wrong.json', text))).rejects.toThrow(/--boxes: expected/);
    }
  });
});

describe('pictures', () => {
  test('are found by glob or path, sorted, each once', async () => {
    const paths = await Promise.all(['b.png', 'a.png', 'c.jpg'].map((name) => file(name, '')));
    const found = await findPictures([join(directory, '*.png'), paths[1] as string]);
    expect(found.map((path) => path.split('/').at(-1))).toEqual(['a.png', 'b.png']);
    await expect(findPictures([join(directory, '*.bmp')])).rejects.toThrow(/no file matches/);
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
  });
});

describe('report', () => {
  test('is one page without script, with names escaped and paths encoded', async () => {
    const path = join(directory, 'index.html');
    const report = await Report.create(path, { model: 'a<b', method: 'gradcam', scoreKind: 'softmax' });
    const prediction = { unit: 3, label: '<script>alert("x")</script>', score: 0.5 };
    await report.add({
      name: 'a & "b" #1?.png',
      original: 'images/a & "b" #1?.png.original.png',
      size: [10, 20],
      overlays: [{ path: 'images/o.png', prediction }],
      predictions: [prediction],
      hit: false,
    });
    await report.finish(['1 < 2']);
    const html = await readFile(path, 'utf8');
    expect(html).toContain('<!doctype html>\n<html lang="en">');
    expect(html).toContain('src="images/a%20%26%20%22b%22%20%231%3F.png.original.png"');
    expect(html).toContain('alt="a &amp; &quot;b&quot; #1?.png, as the model was given it"');
    expect(html).toContain('width="20" height="10"');
    expect(html).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;: 50.0 %');
    expect(html).toContain('Maximum outside the box.');
    expect(html).toContain('<p>1 &lt; 2</p>');
    expect(html).not.toMatch(/<script|https?:/);
    expect(html.trimEnd()).toMatch(/<\/html>$/);
  });

  test('escapes what ends an attribute', () => {
    expect(escapeHtml(`&<>"'`)).toBe('&amp;&lt;&gt;&quot;&#39;');
    expect(formatScore(0.1234)).toBe('12.3 %');
    expect(formatScore(0.99999)).toBe('100.00 %');
  });
});

describe('comparison', () => {
  const compared = (name: string, ms: number, passes: Passes): ComparedMethod => ({
    name,
    pointing: { hits: 9, pictures: 10, accuracy: 0.9, chance: 0.085 },
    millisecondsPerPicture: ms,
    passes,
  });
  const summary = { explained: 10, failed: 0, total: 10, compared: 2, skipped: 0, interrupted: false };

  async function printed(json: boolean, plays: boolean): Promise<string> {
    const out = new PassThrough();
    const stream = out as unknown as NodeJS.WriteStream;
    const methods = methodsOf(['gradcam', 'gradients_smooth'], {}, 'none');
    const printer = new ComparisonPrinter({ out: stream, err: stream }, json, methods, plays);
    const [gradcam, smooth] = [
      compared('gradcam', 0.12345, { forward: 1, backward: 1, backwardTo: 'activations' }),
      compared('gradients_smooth', 1234.5, { forward: 20, backward: 20, backwardTo: 'input' }),
    ];
    await printer.method(gradcam);
    await printer.method(smooth);
    await printer.summary({ ...summary, files: ['out/methods.png'] });
    return String(out.read());
  }

  test('is a table whose figures stand below one another, with what they mean', async () => {
    const [head, ...lines] = (await printed(false, true)).split('\n');
    expect(head).toBe('method            in the box  ms a picture   forward   backward');
    expect(lines.slice(0, 3)).toEqual([
      'gradcam              9 of 10         0.123         1          1*',
      'gradients_smooth     9 of 10          1235        20         20',
      '',
    ]);
    expect(lines.join('\n')).toMatch(/^\* from the logits .*chance gives 8\.5 %.*See out\/methods\.png\n$/ms);
  });

  test('has no column for a pointing game that is not played', async () => {
    const [head] = (await printed(false, false)).split('\n');
    expect(head).toBe('method            ms a picture   forward   backward');
  });

  test('is an object a line as JSON', async () => {
    const lines = (await printed(true, true)).trimEnd().split('\n');
    const [first, , last] = lines.map((line) => JSON.parse(line));
    expect(first).toEqual({
      type: 'method',
      ...compared('gradcam', 0.12345, { forward: 1, backward: 1, backwardTo: 'activations' }),
    });
    expect(last).toEqual({ type: 'summary', ...summary, files: ['out/methods.png'] });
  });

  test('cells have the proportions of the input', () => {
    expect(cellSize([96, 96])).toEqual([96, 96]);
    expect(cellSize([224, 448])).toEqual([64, 128]);
    expect(cellSize([1000, 1])).toEqual([128, 1]);
    expect(cellSize([28, 28])).toEqual([64, 64]);
  });
});

describe('command line', () => {
  test('help has examples and ends with 0', async () => {
    const { code, out } = await runCli('explain', '--help');
    expect(code).toBe(0);
    expect(out).toContain('Usage: keras-explainable explain');
    expect(out).toContain('Examples:');
    expect((await runCli('--help')).out).toContain('install-tensorflow');
    expect((await runCli('install-tensorflow', '--help')).out).toContain('--variant');
    expect((await runCli('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [[], 'Usage:'],
    [['explian'], "unknown command 'explian'"],
    [['explain'], "required option '--model <dir>'"],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--modell', 'x'],
      "unknown option '--modell'",
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--method', 'gradcm'],
      "Did you mean 'gradcam'?",
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--method', 'gradcam_smoth'],
      "Did you mean 'gradcam_smooth'?",
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--scales', '2'],
      '--scales: gradcam does not take it',
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--method', 'gradients', '--layer', 'l'],
      '--layer: gradients explains by the input and takes no layer.',
    ],
    [
      ['explain', '--model', 'm', '--images', 'x', '--out', 'o', '--alpha', '2'],
      'Expected a number from 0 to 1.',
    ],
    [['explain', '--model', 'm', '--images', 'no-such-*.png', '--out', 'o'], '--images: no file matches'],
    [['install-tensorflow', '--variant', 'tpu'], 'Expected one of: cpu, gpu.'],
  ])('wrong arguments end with 2 and one message: %j', async (args, message) => {
    const { code, err } = await runCli(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).not.toMatch(/^\s+at /m);
  });

  test('no colour where the output is no terminal', async () => {
    const { err } = await runCli('explain', '--model', 'm', '--images', 'no-such-*.png', '--out', 'o');
    expect(err).not.toContain('\u001b');
  });
});
