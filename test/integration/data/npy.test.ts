import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDataHandler } from '../../../lib/data/data_handler.js';
import { npyFile, readNpy } from '../../../lib/data/npy/npy_file.js';
import { readNpz } from '../../../lib/data/npy/npz.js';
import { DataError } from '../../../lib/support/errors.js';
import { memory, ready, type Tensor, tensor } from '../../../lib/tensor/tensor.js';
import { logits, model, takeAll } from './source_fixture.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/npy/${name}`, import.meta.url));

let directory = '';
beforeAll(async () => {
  await ready();
  directory = await mkdtemp(join(tmpdir(), 'ke-npy-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A file of a header of one's own and some elements. */
async function write(header: string, elements: Uint8Array = new Uint8Array(), version = 1): Promise<string> {
  const text = Buffer.from(`${header}\n`, 'latin1');
  const prefix = Buffer.from(version === 1 ? [0, 0] : [0, 0, 0, 0]);
  if (version === 1) prefix.writeUInt16LE(text.length);
  else prefix.writeUInt32LE(text.length);
  const path = join(directory, `${Math.random()}.npy`);
  await writeFile(
    path,
    Buffer.concat([Buffer.from('\x93NUMPY', 'latin1'), Buffer.from([version, 0]), prefix, text, elements]),
  );
  return path;
}

const headerOf = (shape: string, descr = "'<f4'", fortran = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

/** What make_npy.py wrote. */
const base = Array.from({ length: 24 }, (_, i) => i);
const signed = base.map((i) => i - 12);
const floats = base.map((i) => i / 8 - 1);
const values = (tensor: Tensor) => Array.from(tensor.data as Float32Array, Number);

describe('readNpy', () => {
  it.each([
    ['b1', 'bool', base.map((i) => Number(i % 3 === 0))],
    ['i1', 'int8', signed],
    ['i2', 'int16', signed],
    ['i4', 'int32', signed],
    ['i8', 'int64', signed],
    ['u1', 'uint8', base.map((i) => i * 10)],
    ['u2', 'uint16', base.map((i) => i * 10)],
    ['u4', 'uint32', base.map((i) => i * 10)],
    ['u8', 'uint64', base.map((i) => i * 10)],
    ['f4', 'float32', floats],
    ['f8', 'float64', floats],
    ['big-endian', 'float32', floats],
    ['big-endian-i8', 'int64', signed],
    ['fortran', 'float32', floats],
    ['fortran-big-endian', 'int16', signed],
    ['version-2', 'float32', floats],
    ['version-3', 'float32', floats],
  ])('reads %s', async (name, dtype, expected) => {
    const made = await readNpy(fixture(`${name}.npy`));
    expect([made.dtype, made.shape]).toEqual([dtype, [2, 3, 4]]);
    expect(values(made)).toEqual(expected);
  });

  it.each(['f2', 'big-endian-f2'])('reads %s as the bits of float16', async (name) => {
    const made = await readNpy(fixture(`${name}.npy`));
    expect(made.dtype).toBe('float16');
    expect(made.data).toEqual(tensor(floats, [24], 'float16').data);
  });

  it('reads scalars, vectors and empty arrays', async () => {
    const scalar = await readNpy(fixture('scalar.npy'));
    expect([scalar.shape, values(scalar)]).toEqual([[], [2.5]]);
    expect((await readNpy(fixture('vector.npy'))).shape).toEqual([7]);
    expect((await readNpy(fixture('empty.npy'))).shape).toEqual([0, 3]);
  });

  it('takes a URL and makes no copy', async () => {
    const before = memory().copiedInBytes;
    expect((await readNpy(pathToFileURL(fixture('f4.npy')))).aligned).not.toBeNull();
    expect(memory().copiedInBytes).toBe(before);
  });

  it.each([
    ['object', "its dtype is '|O': Python objects"],
    ['text', "its dtype is '<U3': text"],
    ['complex', "its dtype is '<c16': complex numbers"],
    ['date', "its dtype is '<M8[D]': dates"],
    ['structured', 'it is a structured array'],
  ])('refuses %s by name', async (name, message) => {
    const path = fixture(`${name}.npy`);
    const error = await readNpy(path).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe('UNIMPLEMENTED');
    expect(error.message).toContain(message);
    expect(error.message).toContain(path);
  });

  const eight = new Uint8Array(8);
  it.each<[string, string, Uint8Array, string]>([
    ['fewer elements than declared', headerOf('(3,)'), eight, '12 bytes, but the file has only 8'],
    ['a shape whose size overflows', headerOf('(4294967296, 4294967296)'), eight, 'which no file can hold'],
    ['a shape whose bytes overflow', headerOf('(9007199254740991,)'), eight, 'which no file can hold'],
    ['a shape beyond all integers', headerOf('(99999999999999999999999,)'), eight, 'which no file can hold'],
    [
      'an empty array with an axis beyond integers',
      headerOf('(0, 99999999999999999999)'),
      eight,
      'no file can hold',
    ],
    ['a shape of exabytes', headerOf('(1000000000000, 1000)'), eight, 'the file has only 8'],
    ['a negative size', headerOf('(-1,)'), eight, 'The header is damaged'],
    ['a shape that is no tuple', headerOf('2'), eight, 'The header is damaged'],
    ['code for a shape', headerOf('__import__("os")'), eight, 'The header is damaged'],
    ['a missing key', "{'descr': '<f4', 'shape': (2,)}", eight, 'The header is damaged'],
    [
      'a key twice',
      "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
      eight,
      'damaged',
    ],
    ['another key', "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", eight, 'damaged'],
    ['something behind it', `${headerOf('(2,)')} 1`, eight, 'The header is damaged'],
    ['no header', '', eight, 'The header is damaged'],
    ['a dtype of no kind', headerOf('(2,)', "'q'"), eight, "its dtype is 'q'"],
    ['a dtype of no size', headerOf('(2,)', "'<f16'"), eight, 'floats of another size'],
    ['bfloat16', headerOf('(2,)', "'<V2'"), eight, 'raw bytes (NumPy saves bfloat16 as raw bytes)'],
  ])('refuses %s', async (_, header, elements, message) => {
    await expect(readNpy(await write(header, elements))).rejects.toThrow(message);
    await expect(readNpy(await write(header, elements))).rejects.toBeInstanceOf(DataError);
  });

  it('reads headers of other writers', async () => {
    for (const header of [
      `{"shape":(2L,),"fortran_order":False,"descr":"<f4"}`,
      headerOf('(2,)', "'=f4'"),
      headerOf('( 2 , )'),
      headerOf('(1, 2)', "'<f4'", 'True'),
    ]) {
      expect(values(await readNpy(await write(header, new Uint8Array(8))))).toEqual([0, 0]);
    }
    const [two] = [await write(headerOf('(2,)'), new Uint8Array(8), 2)];
    expect((await readNpy(two as string)).shape).toEqual([2]);
  });

  it('refuses a file of another format', async () => {
    await expect(readNpy(fixture('make_npy.py'))).rejects.toThrow('This is not a .npy file');
    const other = await write(headerOf('(2,)'), eight, 9);
    await expect(readNpy(other)).rejects.toThrow('Version 9.0 of the .npy format is not supported');
    await expect(readNpy(join(directory, 'missing.npy'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(readNpy(directory)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(readNpy(3 as never)).rejects.toThrow('a path or a file: URL');
    if (process.platform === 'linux') {
      await expect(readNpy('/dev/zero')).rejects.toThrow('/dev/zero: This is not a regular file.');
    }
  });

  it('refuses a file truncated at any byte, and frees all memory', async () => {
    const whole = await readFile(fixture('f4.npy'));
    const before = memory().liveTensors;
    const path = join(directory, 'cut.npy');
    for (let size = 0; size < whole.length; size += 3) {
      await writeFile(path, whole.subarray(0, size));
      await expect(readNpy(path)).rejects.toBeInstanceOf(DataError);
    }
    expect(memory().liveTensors).toBeLessThanOrEqual(before);
  });
});

describe('readNpz', () => {
  it('reads all arrays by name', async () => {
    const arrays = await readNpz(fixture('stored.npz'));
    expect(Object.keys(arrays).sort()).toEqual(['a/b', 'x', 'y']);
    expect(values(arrays.x as Tensor)).toEqual(floats);
    expect([arrays.y?.dtype, values(arrays.y as Tensor)]).toEqual(['int64', [0, 1, 2]]);
    expect(arrays['a/b']?.shape).toEqual([]);
  });

  it('reads compressed ones', async () => {
    const { x, fortran } = await readNpz(fixture('deflated.npz'));
    expect(values(x as Tensor)).toEqual(floats);
    expect(values(fortran as Tensor)).toEqual(base.map((i) => i * 10));
  });

  it('refuses damage, names the array and frees all memory', async () => {
    const whole = await readFile(fixture('stored.npz'));
    const before = memory().liveTensors;
    const path = join(directory, 'damaged.npz');
    const at = whole.indexOf('NUMPY') + 150;
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] as number) ^ 1;
    await writeFile(path, damaged);
    await expect(readNpz(path)).rejects.toThrow(`${path}: x.npy: Its checksum is wrong`);
    for (let size = 0; size < whole.length; size += 41) {
      await writeFile(path, whole.subarray(0, size));
      await expect(readNpz(path)).rejects.toBeInstanceOf(DataError);
    }
    expect(memory().liveTensors).toBeLessThanOrEqual(before);
  });

  it('refuses an entry that declares more than it can hold', async () => {
    const bomb = await readFile(fixture('deflated.npz'));
    // The uncompressed size of the first entry of the central directory.
    const central = bomb.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    bomb.writeUInt32LE(0xf0000000, central + 24);
    const path = join(directory, 'bomb.npz');
    await writeFile(path, bomb);
    await expect(readNpz(path)).rejects.toThrow('which is impossible');
  });

  it('refuses more than `maxBytes` before memory is allocated', async () => {
    const before = memory().liveTensors;
    await expect(readNpz(fixture('stored.npz'), { maxBytes: 400 })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      message: expect.stringMatching(/declare \d+ bytes, more than the limit of 400. Raise `maxBytes`/),
    });
    expect(memory().liveTensors).toBeLessThanOrEqual(before);
    await expect(readNpz(fixture('stored.npz'), { maxbytes: 1 } as object)).rejects.toThrow('"maxBytes"');
  });

  it('refuses a file that is not an archive', async () => {
    await expect(readNpz(fixture('f4.npy'))).rejects.toThrow('The archive cannot be read');
    await expect(readNpz(join(directory, 'missing.npz'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('npyFile', () => {
  let path = '';
  beforeAll(async () => {
    const rows = Float32Array.from({ length: 20 }, (_, i) => i);
    path = await write(headerOf('(10, 2)'), new Uint8Array(rows.buffer));
  });

  it('reads rows when they are asked for', async () => {
    const file = await npyFile(path, { batchSize: 4 });
    expect([file.length, file.samples, file.batchSize, file.shape, file.dtype]).toEqual([
      3,
      10,
      4,
      [10, 2],
      'float32',
    ]);
    const { x, release } = await file.at(2);
    expect([x.shape, values(x)]).toEqual([
      [2, 2],
      [16, 17, 18, 19],
    ]);
    release();
    expect(x.released).toBe(true);
    await expect(file.at(3)).rejects.toThrow('an integer from 0 to 2 for argument `index`');
  });

  it.each([1, 3])(
    'is a source (%d workers) with units, without copies or leftover memory',
    async (workers) => {
      const file = await npyFile(pathToFileURL(path), { batchSize: 3 });
      const before = memory();
      const y = Int32Array.from({ length: 10 }, (_, i) => i);
      const handler = makeDataHandler(model, file, y, { workers });
      expect([handler.samples, handler.batchSize, handler.inferredSteps]).toEqual([10, 3, 4]);
      const taken = await takeAll(handler);
      expect(taken.flatMap(({ x }) => x.flat())).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(taken.flatMap(({ y: units }) => units)).toEqual([...y]);
      // The units alone.
      expect(memory().copiedInBytes - before.copiedInBytes).toBe(40);
    },
  );

  it('holds at most the queue in memory', async () => {
    const file = await npyFile(path, { batchSize: 1 });
    const before = memory().liveTensors;
    for await (const batch of makeDataHandler(model, file, null, { maxQueueSize: 2 }).batches()) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      expect(memory().liveTensors - before).toBeLessThanOrEqual(3);
      batch.release();
    }
    expect(memory().liveTensors).toBeLessThanOrEqual(before);
  });

  it('refuses arrays without rows or in Fortran order', async () => {
    await expect(npyFile(fixture('fortran.npy'))).rejects.toThrow('Fortran order: its rows are scattered');
    await expect(npyFile(fixture('scalar.npy'))).rejects.toThrow('Expected rows');
    await expect(npyFile(fixture('empty.npy'))).rejects.toThrow('Expected rows');
    await expect(npyFile(path, { batchsize: 2 } as object)).rejects.toThrow('should be "batchSize"');
    await expect(npyFile(path, { batchSize: 0 })).rejects.toThrow('`batchSize`');
  });

  it('reads other byte orders', async () => {
    const file = await npyFile(fixture('big-endian.npy'), { batchSize: 1 });
    expect(values((await file.at(1)).x)).toEqual(floats.slice(12));
  });

  it('detects a file that was truncated meanwhile', async () => {
    const shrinking = await write(headerOf('(4, 2)'), new Uint8Array(32));
    const file = await npyFile(shrinking, { batchSize: 2 });
    await truncate(shrinking, 100);
    const taken = takeAll(makeDataHandler({ inputs: model.inputs, outputs: [logits] }, file));
    await expect(taken).rejects.toThrow('became shorter while it was read');
  });
});
