import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { image } from '../../lib/index.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
const DEMO = 'demo';
const PICTURES = 30;

const directory = mkdtempSync(join(tmpdir(), 'ke-cli-'));
afterAll(() => rm(directory, { recursive: true, force: true }));

/** What TensorFlow writes while it is loaded, whatever its log level. */
const TENSORFLOW_LOG = /^(WARNING: All log messages before absl|I0000 ).*\n/gm;

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env: { ...process.env, ...env } });
  const text = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    out: text.out,
    err: text.err.replace(TENSORFLOW_LOG, ''),
  }));
  return { child, ended };
}

const cli = (...args: string[]): Promise<Ended> => start(args).ended;

/** The options of a run over the demo's model, with the maps in a directory of their own. */
function demo(out: string, ...more: string[]): string[] {
  return ['explain', '--model', `${DEMO}/model`, '--out', join(directory, out), ...more];
}

const objects = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

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
    expect((await cli(...demo('one', '--images', path, '--units', '4'))).code).toBe(0);
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
      cli(...demo('json1', ...args, '--batch-size', '2')),
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
    expect((await cli(...demo('gradients', ...pictures, '--method', 'gradients'))).code).toBe(0);
    expect((await cli(...demo('layer', ...pictures, '--layer', 'block4_relu'))).code).toBe(0);
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
    ['a sheet that is no PNG', ['--sheet', 'a.jpg'], /--sheet.*Expected the name of a \.png file/],
    ['boxes that are no JSON', ['--boxes', 'README.md'], /--boxes: 'README\.md' is not valid JSON/],
    ['a layer without positions', ['--layer', 'pool'], /--layer: .* has positions.* 'pool' is \(any, 96\)/],
    ['that for all methods', ['--layer', 'pool', '--method', 'all'], /--layer: .* has positions/],
  ])('%s is refused before anything is done', async (_, options, message) => {
    const args = demo('never', '--images', `${DEMO}/images/01*`, ...options);
    const { code, out, err } = await cli(...args);
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

describe('explain --method all', () => {
  const quick = ['--repetitions', '2', '--scales', '1.5', '--max-channels', '8'];
  const NAMES = [
    ...['cam', 'gradcam', 'gradcampp', 'scorecam', 'gradients', 'fullGradients'],
    ...['gradcam_smooth', 'gradcam_tta', 'gradients_smooth'],
  ];
  const boxes = ['--boxes', `${DEMO}/boxes.json`];

  test('compares every method as it is alone: a table, a sheet, a picture each; --json has the same numbers', async () => {
    const args = [
      '--images',
      `${DEMO}/images/0*`,
      ...boxes,
      ...quick,
      '--method',
      'all',
      '--batch-size',
      '4',
    ];
    const [table, json] = [
      await cli(...demo('all', ...args)),
      await cli(...demo('all-json', ...args, '--json')),
    ];
    expect([table.err, json.err]).toEqual(['', '']);
    expect([table.code, json.code]).toEqual([0, 0]);

    const found = objects(json.out);
    const compared = found.filter(({ type }) => type === 'method');
    expect(compared.map(({ name }) => name)).toEqual(NAMES);
    const rows = new Map(
      table.out
        .split('\n')
        .map((line) => line.split(/\s{2,}/))
        .map(([name, ...cells]) => [name as string, cells]),
    );
    for (const { name, pointing, passes, millisecondsPerPicture } of compared) {
      const star = passes.backward > 0 && passes.backwardTo === 'activations' ? '*' : '';
      const [hits, milliseconds, forward, backward] = rows.get(name) as string[];
      expect(hits).toBe(`${pointing.hits} of 9`);
      expect([forward, backward]).toEqual([String(passes.forward), `${passes.backward}${star}`]);
      expect(pointing.pictures).toBe(9);
      for (const time of [millisecondsPerPicture, Number(milliseconds)]) {
        expect(time).toBeGreaterThan(0);
        expect(time).toBeLessThan(60_000);
      }
    }
    const pictures = ['--images', `${DEMO}/images/0*`, ...boxes, '--json'];
    const alone = objects((await cli(...demo('alone', ...pictures, '--method', 'gradients'))).out);
    expect(compared.find(({ name }) => name === 'gradients').pointing).toEqual(alone.at(-1).pointing);

    const passes = Object.fromEntries(compared.map((each) => [each.name, each.passes]));
    expect(passes.scorecam).toEqual({ forward: 9, backward: 0, backwardTo: 'activations' });
    expect(passes.gradcam_smooth).toEqual({ forward: 2, backward: 2, backwardTo: 'activations' });
    expect(passes.gradcam_tta).toEqual({ forward: 4, backward: 4, backwardTo: 'activations' });
    expect(passes.gradients_smooth).toEqual({ forward: 2, backward: 2, backwardTo: 'input' });
    expect(found.at(-1)).toMatchObject({ type: 'summary', explained: 9, failed: 0, compared: 9, skipped: 0 });

    const folder = join(directory, 'all');
    expect((await readdir(folder)).sort()).toEqual(['methods', 'methods.png']);
    const strips = await readdir(join(folder, 'methods'));
    expect(strips.sort()).toEqual(NAMES.map((name) => `${name}.png`).sort());
    const sheet = await image.decodeImage(await readFile(join(folder, 'methods.png')));
    const [, height, width] = sheet.shape as [number, number, number];
    expect(height / (NAMES.length + 1)).toBeGreaterThan(110);
    expect(width / 6).toBeGreaterThan(96);
  });

  test('a method that cannot explain the model is named and skipped, the others are done', async () => {
    // The kernel of the logits has a row per channel of the last layer, not of this one.
    const args = ['--images', `${DEMO}/images/01*`, ...quick, '--method', 'all', '--layer', 'block3_relu'];
    const { code, out, err } = await cli(...demo('some', ...args));
    expect(code).toBe(1);
    expect(err).toMatch(/^skipped cam: CAM needs .*\n$/);
    expect(out).toContain('8 methods compared on 1 of 1 pictures, 1 methods skipped.');
    expect(out).not.toContain('in the box');
    const pictures = await readdir(join(directory, 'some', 'methods'));
    expect(pictures).toHaveLength(8);
    expect(pictures).not.toContain('cam.png');
  });

  test('Ctrl-C in the middle leaves nothing half-written', async () => {
    const { child, ended } = start(demo('cut', '--images', `${DEMO}/images/*`, '--method', 'all'));
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    expect(err).toBe('');
    expect(code).toBe(130);
    expect(out).toContain('The run was interrupted: no picture was written.');
    await expect(readdir(join(directory, 'cut'))).rejects.toThrow(/ENOENT/);
  });

  test('pictures none of which can be read', async () => {
    const args = ['--images', 'package.json', '--method', 'all'];
    const { code, out, err } = await cli(...demo('none', ...args));
    expect(err).toMatch(/skipped package\.json/);
    expect(out).toContain('0 methods compared on 0 of 1 pictures, 1 pictures skipped.');
    expect(code).toBe(1);
  });
});

describe('what is wrong is said in one message', () => {
  const pictures = ['--images', `${DEMO}/images/01*`];

  test.each([
    ['an unknown layer', demo('x', ...pictures, '--layer', 'block5_rellu'), 2, "Did you mean 'block5_relu'"],
    [
      'a unit out of range',
      demo('x', ...pictures, '--units', '1,10'),
      2,
      '--units: expected classes from 0 to 9',
    ],
    [
      'a layer for gradients',
      demo('x', ...pictures, '--method', 'gradients', '--layer', 'pool'),
      2,
      'takes no layer',
    ],
    ['a size the model does not take', demo('x', ...pictures, '--size', '64'), 2, 'expected 96x96'],
    [
      'a missing file of labels',
      demo('x', ...pictures, '--labels', 'none.txt'),
      2,
      "--labels: cannot read 'none.txt'",
    ],
    [
      'boxes of other pictures',
      demo('x', '--images', 'test/fixtures/images/rgb.png', '--boxes', `${DEMO}/boxes.json`),
      2,
      'has a box for none',
    ],
    ['no picture', demo('x', '--images', 'none/*.png'), 2, '--images: no file matches'],
    ['an unknown option', demo('x', ...pictures, '--methd', 'gradcam'), 2, "unknown option '--methd'"],
    ['a signature that does not exist', demo('x', ...pictures, '--signature', 'nope'), 1, 'serving_default'],
  ])('%s', async (_, args, expected, message) => {
    const { code, err } = await cli(...args);
    expect(err).toContain(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect(code).toBe(expected);
  });

  test('a missing model', async () => {
    const { code, err } = await cli(
      'explain',
      '--model',
      'no-model',
      ...pictures,
      '--out',
      join(directory, 'x'),
    );
    expect(err).toMatch(/^error: .*no-model/);
    expect(code).toBe(1);
  });

  test('a missing libtensorflow, with the command that mends it; the stack only for DEBUG', async () => {
    const env = { KERAS_EXPLAINABLE_TENSORFLOW_DIR: join(directory, 'nowhere') };
    const plain = await start(demo('x', ...pictures), env).ended;
    expect(plain.code).toBe(1);
    expect(plain.err).toContain('KERAS_EXPLAINABLE_TENSORFLOW_DIR');
    expect(plain.err).not.toMatch(/^\s+at /m);
    const debug = await start(demo('x', ...pictures), { ...env, DEBUG: '1' }).ended;
    expect(debug.err).toMatch(/^\s+at /m);
  });
});
