import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { libraryNames } from '../../../lib/tensorflow/library_layout.js';
import { DEMO, start, temporaryDirectory } from '../helpers/cli_process.js';

const directory = temporaryDirectory();

/** Says that it is being loaded, and takes half a minute for it. */
const SLOW = `
#include <unistd.h>
__attribute__((constructor)) static void load() {
  (void)!write(2, "loading\\n", 8);
  for (int i = 0; i < 30; i++) sleep(1);
}
`;

/** Compiles a library that is slow to load, under the names of libtensorflow. */
async function slowLibrary(): Promise<void> {
  const source = join(directory, 'slow.cc');
  await writeFile(source, SLOW);
  const [{ main, needs } = { main: '' }] = libraryNames();
  const { status, stderr } = spawnSync('c++', ['-shared', '-fPIC', '-o', join(directory, main), source]);
  expect(String(stderr)).toBe('');
  expect(status).toBe(0);
  if (needs !== undefined) await copyFile(join(directory, main), join(directory, needs));
}

const COMMANDS = {
  explain: ['--images', `${DEMO}/images/01*`, '--out', join(directory, 'maps')],
  layers: [],
  bench: [],
};

test('Ctrl-C ends a process that is loading TensorFlow', async () => {
  await slowLibrary();
  for (const [command, more] of Object.entries(COMMANDS)) {
    const begun = Date.now();
    const env = { KERAS_EXPLAINABLE_TENSORFLOW_DIR: directory };
    const { child, ended } = start([command, '--model', `${DEMO}/model`, ...more], env);
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    child.kill('SIGINT');
    const { signal, out, err } = await ended;
    // Ended by the signal: its thread cannot be stopped. Shells report 130.
    expect(signal).toBe('SIGINT');
    expect(err).toBe('loading\nInterrupted.\n');
    expect(out).toBe('');
    expect(Date.now() - begun).toBeLessThan(25_000);
  }
});
