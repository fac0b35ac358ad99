/**
 * What is written where there is no room for it: a real file system that is full, a quota, a directory that goes away.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { DEMO, MAIN, ROOT, start, temporaryDirectory } from '../helpers/cli_process.js';

const scratch = temporaryDirectory();
const linux = process.platform === 'linux';

/** A file system of so many bytes in memory; null where we may not make one. */
function smallDisk(name: string, size: string): string | null {
  const directory = join(scratch, name);
  mkdirSync(directory);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]).status !== 0) return null;
  afterAll(() => void execFileSync('umount', ['--lazy', directory]));
  return directory;
}

const disk = linux ? smallDisk('disk', '200k') : null;
const MAPS = ['explain', '--model', `${DEMO}/model`, '--images', `${DEMO}/images/*`];

/** Every file is whole and of the names that it should have. Returns how many pictures there are. */
function expectWhole(out: string): number {
  const images = existsSync(join(out, 'images')) ? readdirSync(join(out, 'images')) : [];
  for (const name of images) {
    expect(name).toMatch(/\.(original|unit-\d+)\.png$/);
    expect(
      readFileSync(join(out, 'images', name))
        .subarray(-8, -4)
        .toString('latin1'),
    ).toBe('IEND');
  }
  for (const name of readdirSync(out)) expect(['images', 'index.html']).toContain(name);
  if (existsSync(join(out, 'index.html'))) {
    const page = readFileSync(join(out, 'index.html'), 'utf8');
    expect(page).toMatch(/<main>\n$|<\/article>\n$|<\/html>\n$/);
    for (const [, shown] of page.matchAll(/img src="images\/([^"]*)"/g)) expect(images).toContain(shown);
  }
  return images.length;
}

describe.runIf(disk)('a full disk', () => {
  test('keeps what is done whole, names the file, and ends with 1', async () => {
    const out = join(disk as string, 'maps');
    const { code, err } = await start([...MAPS, '--out', out]).ended;
    expect(code).toBe(1);
    expect(err).toMatch(new RegExp(`^error: ENOSPC: no space left on device, \\w+ '${out}/[^']+'`, 'm'));
    expect(expectWhole(out)).toBeGreaterThan(2);
    rmSync(out, { recursive: true });
  });

  test('takes the page back where not even its beginning fits', async () => {
    const filler = join(disk as string, 'filler');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1k', 'count=196'], { stdio: 'ignore' });
    const out = join(disk as string, 'maps');
    const { code, err } = await start([...MAPS, '--out', out]).ended;
    expect(code).toBe(1);
    expect(err).toContain('ENOSPC');
    expect(expectWhole(out)).toBe(0);
    rmSync(out, { recursive: true });
    rmSync(filler);
  });

  test('is an error of install-tensorflow that leaves nothing', async () => {
    const from = join(scratch, 'wheel');
    mkdirSync(from);
    const library = Buffer.alloc(300_000);
    library.write('\x7fELF\x02\x01\x01', 'latin1');
    library.writeUInt16LE(process.arch === 'arm64' ? 183 : 62, 18);
    for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'])
      writeFileSync(join(from, name), library);
    const { code, err } = await start(['install-tensorflow', '--from', from], {
      XDG_CACHE_HOME: disk as string,
    }).ended;
    expect(code).toBe(1);
    expect(err).toMatch(/ENOSPC/);
    const left = readdirSync(disk as string, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile())).toEqual([]);
  });
});

describe.runIf(linux)('a limit of file size', () => {
  test('is an error that names the file, and not the end of the process', () => {
    const out = join(scratch, 'limited');
    const command = `ulimit -f 4; exec "$0" "$@"`;
    const { status, signal, stderr } = spawnSync(
      'bash',
      ['-c', command, process.execPath, MAIN, ...MAPS, '--out', out],
      // The files of `npm run coverage` are under the limit, too: the process must not write any.
      {
        cwd: ROOT,
        encoding: 'utf8',
        env: { ...process.env, NODE_V8_COVERAGE: '', LLVM_PROFILE_FILE: '/dev/null' },
      },
    );
    expect([status, signal], stderr).toEqual([1, null]);
    expect(stderr).toMatch(/^error: EFBIG: .*\/limited\/images\/[^']+\.png'/m);
    expect(expectWhole(out)).toBe(0);
  });
});

describe.runIf(linux)('a directory', () => {
  test('that goes away in the middle is an error that names the file', async () => {
    const out = join(scratch, 'removed');
    const { child, ended } = start([...MAPS, '--out', out, '--batch-size', '1']);
    onTestFinished(() => void child.kill('SIGKILL'));
    child.stdout?.once('data', () => {
      renameSync(join(out, 'images'), join(scratch, 'moved'));
    });
    const { code, err } = await ended;
    expect(code).toBe(1);
    expect(err).toMatch(/^error: ENOENT: .*\/removed\/images\/[^']+\.png'/m);
  });
});

describe.runIf(linux)('a process that is killed', () => {
  test('leaves whole pictures, and what another run writes over', async () => {
    const out = join(scratch, 'killed');
    const child = spawn(process.execPath, [MAIN, ...MAPS, '--out', out], { cwd: ROOT });
    child.stdout.once('data', () => child.kill('SIGKILL'));
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');
    // A file that was being written then has another name: nobody takes it for a picture.
    for (const name of readdirSync(join(out, 'images'))) {
      if (!name.endsWith('.png')) expect(name).toMatch(/^\.[0-9a-f-]{36}\.tmp$/);
      else
        expect(
          readFileSync(join(out, 'images', name))
            .subarray(-8, -4)
            .toString('latin1'),
        ).toBe('IEND');
    }
  });
});
