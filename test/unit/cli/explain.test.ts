import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ComparedMethod, ComparisonPrinter } from '../../../lib/cli/explain/comparison_printer.js';
import { cellSize } from '../../../lib/cli/explain/comparison_sheet.js';
import { PointingGame, type PointingResult, readBoxes } from '../../../lib/cli/explain/pointing.js';
import { escapeHtml, formatPointing, Report } from '../../../lib/cli/explain/report.js';
import { VOCABULARY } from '../../../lib/cli/shared/methods/vocabulary.js';
import type { Passes } from '../../../lib/methods/descriptor.js';
import { memoryTerminal, temporaryDirectory, writerIn } from './support.js';

const directory = temporaryDirectory();
const file = writerIn(directory);

describe('pointing game', () => {
  test('a maximum is a hit if the centre of its cell is inside the box', () => {
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

  test('a map with a NaN has no maximum: it is told of, and not counted', async () => {
    const game = new PointingGame();
    expect(game.add([Number.NaN, 1], [1, 2], [10, 20], [0, 0, 20, 10])).toBeUndefined();
    const nothing = game.result();
    expect(nothing).toEqual({ hits: 0, pictures: 0, accuracy: Number.NaN, chance: Number.NaN, nan: 1 });
    expect(formatPointing(nothing as PointingResult)).toBe(
      'Pointing game: no map has a maximum. Maps that hold NaN, which are not counted: 1.',
    );
    expect(game.add([0, 1], [1, 2], [10, 20], [10, 0, 20, 10])).toBe(true);
    const some = game.result();
    expect(some).toEqual({ hits: 1, pictures: 1, accuracy: 1, chance: 0.5, nan: 1 });
    expect(formatPointing(some as PointingResult)).toMatch(/50\.0 %\. Maps that hold NaN.*: 1\.$/);
  });

  test('boxes are checked', async () => {
    const good = await file('boxes.json', '{"a.png": [0, 1, 2, 3]}');
    expect(await readBoxes(good)).toEqual(new Map([['a.png', [0, 1, 2, 3]]]));
    for (const text of ['[]', '{"a": [0, 1, 2]}', '{"a": [2, 0, 1, 1]}', '{"a": [0, 0, 1, null]}', '3']) {
      await expect(readBoxes(await file('wrong.json', text))).rejects.toThrow(/--boxes: expected/);
    }
    // JSON takes a number beyond all doubles for infinity.
    const endless = await file('endless.json', '{"a": [0, 0, 1, 1e999]}');
    await expect(readBoxes(endless)).rejects.toThrow('received { a: [ 0, 0, 1, Infinity ] }.');
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

  test.runIf(process.platform === 'linux')('says which file a full disk did not take', async () => {
    const created = Report.create('/dev/full', { model: 'm', method: 'gradcam', scoreKind: 'softmax' });
    await expect(created).rejects.toMatchObject({
      message: expect.stringMatching(/ENOSPC.*'\/dev\/full'$/),
      code: 'ENOSPC',
    });
    expect((await stat('/dev/full')).isCharacterDevice()).toBe(true);
  });

  test('escapes characters that end an attribute', () => {
    expect(escapeHtml(`&<>"'`)).toBe('&amp;&lt;&gt;&quot;&#39;');
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
    const terminal = memoryTerminal();
    const methods = VOCABULARY.build(['gradcam', 'gradients_smooth'], {}, 'none');
    const printer = new ComparisonPrinter(terminal, json, methods, plays);
    const [gradcam, smooth] = [
      compared('gradcam', 0.12345, { forward: 1, backward: 1, backwardTo: 'activations' }),
      compared('gradients_smooth', 1234.5, { forward: 20, backward: 20, backwardTo: 'input' }),
    ];
    await printer.method(gradcam);
    await printer.method(smooth);
    await printer.summary({ ...summary, files: ['out/methods.png'] });
    return terminal.text().out;
  }

  test('is a table with aligned figures and their meaning', async () => {
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
