import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cli, DEMO, inProcess, start, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();

/** The options of a run over the demo's model, with the maps in a directory of their own. */
function demo(out: string, ...more: string[]): string[] {
  return ['explain', '--model', `${DEMO}/model`, '--out', join(directory, out), ...more];
}

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
    const { code, err } = await inProcess(...args);
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

  test('a missing libtensorflow, with the command that fixes it; the stack only for DEBUG', async () => {
    const env = { KERAS_EXPLAINABLE_TENSORFLOW_DIR: join(directory, 'nowhere') };
    const plain = await start(demo('x', ...pictures), env).ended;
    expect(plain.code).toBe(1);
    expect(plain.err).toContain('KERAS_EXPLAINABLE_TENSORFLOW_DIR');
    expect(plain.err).not.toMatch(/^\s+at /m);
    const debug = await start(demo('x', ...pictures), { ...env, DEBUG: '1' }).ended;
    expect(debug.err).toMatch(/^\s+at /m);
  });

  test.runIf(process.platform === 'linux').each([[['layers', '--model', `${DEMO}/model`]], [['--help']]])(
    'an output that cannot be written: %j',
    async (args) => {
      const full = openSync('/dev/full', 'w');
      const { code, err } = await start(args, {}, full).ended;
      closeSync(full);
      expect(err).toMatch(/^error: .*ENOSPC.*\n$/);
      expect(code).toBe(1);
    },
  );
});
