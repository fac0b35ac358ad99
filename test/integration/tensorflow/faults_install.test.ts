/** install-tensorflow and what it needs of a machine: interrupted at any moment, without a network, a home or room. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { cacheEntry, readManifest } from '../../../lib/tensorflow/library_layout.js';
import { MAIN, ROOT, start, temporaryDirectory } from '../helpers/cli_process.js';

const linux = process.platform === 'linux';
const scratch = temporaryDirectory();

/** Two files with the heads of libraries, of a size that takes a moment to copy. */
function libraries(): string {
  const directory = join(scratch, 'from');
  mkdirSync(directory, { recursive: true });
  const library = Buffer.alloc(64 << 20, 1);
  library.fill(0, 0, 64);
  library.write('\x7fELF\x02\x01\x01', 'latin1');
  library.writeUInt16LE(process.arch === 'arm64' ? 183 : 62, 18);
  for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
    writeFileSync(join(directory, name), library);
  }
  return directory;
}

const root = (cache: string) => join(cache, 'keras-explainable', 'tensorflow');
/** What is installed: the manifest, or the reason why nothing is. */
const installed = (cache: string) => readManifest(cacheEntry(root(cache), 'cpu', 'custom'));

/** Ends an installation by a signal, some milliseconds after it began to copy. */
async function interrupt(cache: string, from: string, signal: NodeJS.Signals, milliseconds: number) {
  const { child, ended } = start(['install-tensorflow', '--from', from], { XDG_CACHE_HOME: cache });
  const begun = () =>
    existsSync(root(cache)) && readdirSync(root(cache)).some((name) => name.startsWith('.staging'));
  while (child.exitCode === null && child.signalCode === null && !begun()) await sleep(2);
  await sleep(milliseconds);
  child.kill(signal);
  return ended;
}

describe.runIf(linux)('an installation', () => {
  const from = linux ? libraries() : '';

  test('that is killed is made whole by the next', async () => {
    const cache = join(scratch, 'killed');
    let killed = 0;
    for (const milliseconds of [0, 10, 40]) {
      const { signal } = await interrupt(cache, from, 'SIGKILL', milliseconds);
      if (signal === 'SIGKILL') killed += 1;
      // All of it or nothing.
      const found = await installed(cache);
      if ('reason' in found) expect(found.reason).toBe('not installed');
      // Nobody waits 20 s here for the lock of a process that is gone.
      const lock = join(root(cache), 'install.lock');
      if (existsSync(lock)) utimesSync(lock, 0, 0);
    }
    expect(killed).toBeGreaterThan(0);
    const { code, err } = await start(['install-tensorflow', '--from', from], { XDG_CACHE_HOME: cache })
      .ended;
    expect(code, err).toBe(0);
    expect(await installed(cache)).toHaveProperty('manifest');
    expect(readdirSync(root(cache))).toHaveLength(1);
  });

  test('that is interrupted leaves nothing', async () => {
    const cache = join(scratch, 'interrupted');
    const { code, signal } = await interrupt(cache, from, 'SIGINT', 5);
    expect([code ?? 130, signal ?? 'SIGINT']).toEqual([130, 'SIGINT']);
    expect(await installed(cache)).toEqual({ reason: 'not installed' });
    expect(readdirSync(root(cache))).toEqual([]);
  });

  test.each([
    ['no place to write to', '/proc/none', /cannot be used: nothing can be written to '\/proc'/],
    [
      'a file in its place',
      join(ROOT, 'package.json'),
      /cannot be used: expected a directory, but .*package\.json' is a file/,
    ],
  ])('with %s says so, and what to set', async (_, cache, reason) => {
    const { code, err } = await start(['install-tensorflow'], { XDG_CACHE_HOME: cache }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(reason);
    expect(err).toContain('Set XDG_CACHE_HOME to a writable directory');
  });

  test.runIf(linux && spawnSync('unshare', ['--net', 'true']).status === 0)(
    'without a network says how to do without one, and leaves nothing',
    () => {
      const cache = join(scratch, 'offline');
      const env = { ...process.env, XDG_CACHE_HOME: cache, PIP_RETRIES: '0' };
      const { status, stderr } = spawnSync(
        'unshare',
        ['--net', process.execPath, MAIN, 'install-tensorflow'],
        { cwd: ROOT, encoding: 'utf8', env },
      );
      expect(status, stderr).toBe(1);
      expect(stderr).toMatch(/pip could not fetch|pip, which fetches TensorFlow's wheel, was not found/);
      if (stderr.includes('could not fetch')) expect(stderr).toContain('pass the directory with --from DIR');
      expect(readdirSync(root(cache))).toEqual([]);
    },
  );
});

describe.runIf(linux)('explaining', () => {
  test('needs no network, no home and no temporary directory', () => {
    const offline = spawnSync('unshare', ['--net', 'true']).status === 0;
    const program = offline ? 'unshare' : process.execPath;
    const args = offline ? ['--net', process.execPath, MAIN] : [MAIN];
    const { HOME: _, XDG_CACHE_HOME: __, ...env } = process.env;
    const { status, stdout, stderr } = spawnSync(
      program,
      [...args, 'predict', '--model', 'demo/model', '--images', 'demo/images/01*', '--json'],
      { cwd: ROOT, encoding: 'utf8', env: { ...env, TMPDIR: '/nowhere', PYTHONHOME: '/nowhere' } },
    );
    expect(status, stderr).toBe(0);
    const [picture, summary] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(picture).toMatchObject({ type: 'picture', path: 'demo/images/01-digit-0.png' });
    expect(picture.predictions[0].unit).toBe(0);
    expect(summary).toMatchObject({ type: 'summary', predicted: 1, failed: 0 });
  });
});
