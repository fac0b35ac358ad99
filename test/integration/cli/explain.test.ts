import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { image } from '../../../lib/index.js';
import {
  cli,
  DEMO,
  inProcess,
  objects,
  PICTURES,
  ROOT,
  start,
  temporaryDirectory,
} from '../helpers/cli_process.js';

const directory = temporaryDirectory();

/** The options of a run over the demo's model, with the maps in a directory of their own. */
function demo(out: string, ...more: string[]): string[] {
  return ['explain', '--model', `${DEMO}/model`, '--out', join(directory, out), ...more];
}

describe('explain', () => {
  test('the demo: overlays and a page, and Grad-CAM far above chance', async () => {
    const out = 'demo';
    const {
      code,
      out: printed,
      err,
    } = await cli(
      ...demo(
        out,
        '--images',
        `${DEMO}/images/*`,
        '--labels',
        `${DEMO}/labels.txt`,
        '--boxes',
        `${DEMO}/boxes.json`,
      ),
    );
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(printed).toContain(`${PICTURES} of ${PICTURES} pictures explained.`);
    expect(printed).toContain("Scores are the softmax of the model's logits.");
    const [, hits, chance] = /in (\d+) of 30 pictures .*chance gives ([\d.]+) %/.exec(printed) ?? [];
    expect(Number(hits) / PICTURES).toBeGreaterThan(0.8);
    expect(Number(chance)).toBeLessThan(15);

    const files = await readdir(join(directory, out, 'images'));
    expect(files.filter((name) => name.includes('.original.'))).toHaveLength(PICTURES);
    expect(files.filter((name) => name.includes('.unit-'))).toHaveLength(PICTURES);
    const html = await readFile(join(directory, out, 'index.html'), 'utf8');
    expect(html.match(/<article>/g)).toHaveLength(PICTURES);
    const sources = [...html.matchAll(/src="([^"]+)"/g)].map(([, source]) =>
      decodeURIComponent(source as string),
    );
    expect(sources.map((source) => source.replace('images/', '')).sort()).toEqual(files.sort());
    expect(html.match(/alt="[^"]+"/g)).toHaveLength(2 * PICTURES);
  });

  test('an overlay has the size of its picture and differs from it', async () => {
    const [name] = (await readdir(join(ROOT, DEMO, 'images'))).sort();
    const path = `${DEMO}/images/${name}`;
    expect((await inProcess(...demo('one', '--images', path, '--units', '4'))).code).toBe(0);
    const read = async (file: string) => image.decodeImage(await readFile(file));
    const original = await read(join(ROOT, path));
    const copy = await read(join(directory, 'one', 'images', `${name}.original.png`));
    const laid = await read(join(directory, 'one', 'images', `${name}.unit-4.png`));
    expect(laid.shape).toEqual(original.shape);
    expect(Buffer.from(copy.data)).toEqual(Buffer.from(original.data));
    expect(Buffer.from(laid.data)).not.toEqual(Buffer.from(original.data));
  });

  test('--json prints an object a line; batches do not change what is found', async () => {
    const args = ['--images', `${DEMO}/images/0*`, '--labels', `${DEMO}/labels.txt`, '--top', '2', '--json'];
    const [whole, single] = await Promise.all([
      cli(...demo('json', ...args)),
      inProcess(...demo('json1', ...args, '--batch-size', '2')),
    ]);
    expect(whole.code).toBe(0);
    const found = objects(whole.out);
    const pictures = found.filter(({ type }) => type === 'picture');
    expect(pictures).toHaveLength(9);
    for (const { predictions, overlays } of pictures) {
      expect(predictions).toHaveLength(3);
      expect(overlays.map(({ unit }: { unit: number }) => unit)).toEqual([
        predictions[0].unit,
        predictions[1].unit,
      ]);
      expect(predictions[0].label).toBe(String(predictions[0].unit));
      expect(predictions[0].score).toBeGreaterThanOrEqual(predictions[1].score);
    }
    expect(found.at(-1)).toMatchObject({
      type: 'summary',
      explained: 9,
      failed: 0,
      scores: 'softmax',
      pointing: null,
    });
    const units = (out: string) => objects(out).map(({ overlays }) => overlays);
    expect(units(single.out)).toEqual(units(whole.out));
  });

  test('gradients, and Grad-CAM by a named layer', async () => {
    const pictures = ['--images', `${DEMO}/images/01*`];
    expect((await inProcess(...demo('gradients', ...pictures, '--method', 'gradients'))).code).toBe(0);
    expect((await inProcess(...demo('layer', ...pictures, '--layer', 'block4_relu'))).code).toBe(0);
  });

  test('a method by a long name, with its settings, and a sheet', async () => {
    const sheet = join(directory, 'sheets', 'one.png');
    const { code, err } = await cli(
      ...demo('meta', '--images', `${DEMO}/images/0[12]*`, '--method', 'full-gradients_smooth_tta'),
      ...['--repetitions', '2', '--noise', '5', '--scales', '', '--sheet', sheet],
    );
    expect(err).toBe('');
    expect(code).toBe(0);
    const html = await readFile(join(directory, 'meta', 'index.html'), 'utf8');
    expect(html).toContain('<h1>fullGradients_smooth_tta:');
    // Two pictures above their maps, in cells of 96 pixels; a title above each row.
    const [, height, width] = (await image.decodeImage(await readFile(sheet))).shape as [
      number,
      number,
      number,
    ];
    expect(width).toBeGreaterThan(2 * 96);
    expect(width).toBeLessThan(2.2 * 96);
    expect(height).toBeGreaterThan(2.3 * 96);
  });

  test('a picture that cannot be read is named and skipped, the others are done', async () => {
    const folder = join(directory, 'mixed');
    await mkdir(folder);
    const names = (await readdir(join(ROOT, DEMO, 'images'))).sort().slice(0, 3);
    for (const name of names) await copyFile(join(ROOT, DEMO, 'images', name), join(folder, name));
    await writeFile(
      join(folder, '00-broken.png'),
      (await readFile(join(folder, names[0] as string))).subarray(0, 400),
    );
    await writeFile(join(folder, 'z & <b> #1.txt'), 'no picture');
    const { code, out, err } = await cli(
      ...demo('mixed-out', '--images', `${folder}/*`, '--batch-size', '2'),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/skipped .*00-broken\.png: The png data is damaged or truncated\./);
    expect(err).toMatch(/skipped .*z & <b> #1\.txt: Expected a JPEG, PNG, GIF or BMP/);
    expect(out).toContain('3 of 5 pictures explained, 2 skipped.');
    const html = await readFile(join(directory, 'mixed-out', 'index.html'), 'utf8');
    expect(html.match(/<article>/g)).toHaveLength(3);
  });

  test.each([
    [
      'a file for --out',
      ['--out', 'package.json'],
      /--out: expected a directory, but '.*package\.json' is a file/,
    ],
    ['a file on the way', ['--out', 'package.json/maps'], /--out: .*package\.json' is a file/],
    [
      'a file for the place of --sheet',
      ['--sheet', 'package.json/a.png'],
      /--sheet: .*package\.json' is a file/,
    ],
    [
      'a scale beyond all measure',
      ['--method', 'gradcam_tta', '--scales', '100000'],
      /--scales: a picture 100000 times as large, .* has more than 67108864 pixels/,
    ],
    ['a sheet that is no PNG', ['--sheet', 'a.jpg'], /--sheet.*Expected the name of a \.png file/],
    ['boxes that are no JSON', ['--boxes', 'README.md'], /--boxes: 'README\.md' is not valid JSON/],
    ['a layer without positions', ['--layer', 'pool'], /--layer: .* has positions.* 'pool' is \(any, 96\)/],
    ['that for all methods', ['--layer', 'pool', '--method', 'all'], /--layer: .* has positions/],
  ])('%s is refused before anything is done', async (_, options, message) => {
    const args = demo('never', '--images', `${DEMO}/images/01*`, ...options);
    const { code, out, err } = await inProcess(...args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    expect(out).toBe('');
    await expect(readdir(join(directory, 'never'))).rejects.toThrow(/ENOENT/);
  });

  test('a sheet that cannot be written is no harm to the page', async () => {
    const sheet = join(directory, 'taken.png');
    await mkdir(join(sheet, 'inside'), { recursive: true });
    const { code, out, err } = await cli(
      ...demo('no-sheet', '--images', `${DEMO}/images/01*`, '--sheet', sheet),
    );
    expect(code).toBe(1);
    expect(err).toContain('taken.png');
    expect(out).toContain('1 of 1 pictures explained.');
    const html = await readFile(join(directory, 'no-sheet', 'index.html'), 'utf8');
    expect(html.trimEnd()).toMatch(/<\/html>$/);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('Ctrl-C keeps what is done', async () => {
    const { child, ended } = start(demo('stopped', '--images', `${DEMO}/images/*`, '--batch-size', '1'));
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect(code).toBe(130);
    expect(err).toBe('');
    expect(out).toContain('The run was interrupted.');
    const html = await readFile(join(directory, 'stopped', 'index.html'), 'utf8');
    expect(html.trimEnd()).toMatch(/<\/html>$/);
    const done = html.match(/<article>/g)?.length ?? 0;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(PICTURES);
  });
});
