/** Files that are there whole or not at all. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeWhole } from '../../../lib/support/write_whole.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ke-whole-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('writeWhole', () => {
  it('takes the place of a file, and leaves nothing beside it', async () => {
    const file = join(folder, 'map.png');
    await writeWhole(file, Buffer.from('first, and longer'));
    await writeWhole(file, Buffer.from('second'));
    expect(await readFile(file, 'utf8')).toBe('second');
    expect(await readdir(folder)).toEqual(['map.png']);
  });

  it('names the file that cannot be written', async () => {
    const file = join(folder, 'missing', 'map.png');
    await expect(writeWhole(file, Buffer.from('x'))).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining(file),
    });
    await expect(writeWhole(folder, Buffer.from('x'))).rejects.toThrow(folder);
    expect(await readdir(folder)).toEqual(['map.png']);
  });

  it.runIf(process.platform === 'linux')('gives a device the bytes, and leaves it in its place', async () => {
    await writeWhole('/dev/null', Buffer.from('x'));
    await expect(writeWhole('/dev/full', Buffer.from('x'))).rejects.toMatchObject({
      code: 'ENOSPC',
      message: expect.stringContaining('/dev/full'),
    });
    for (const device of ['/dev/null', '/dev/full']) {
      expect((await stat(device)).isCharacterDevice(), device).toBe(true);
    }
  });
});
