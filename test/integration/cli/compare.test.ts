import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { image } from '../../../lib/index.js';
import { cli, DEMO, inProcess, objects, start, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();

/** The options of a run over the demo's model, with the maps in a directory of their own. */
function demo(out: string, ...more: string[]): string[] {
  return ['explain', '--model', `${DEMO}/model`, '--out', join(directory, out), ...more];
}

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
      await inProcess(...demo('all-json', ...args, '--json')),
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
    const alone = objects((await inProcess(...demo('alone', ...pictures, '--method', 'gradients'))).out);
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
