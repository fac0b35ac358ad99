// A model file brings only computation into the graph, unless the caller allows more.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distribute, loadModel, ModelError, type Tensor, UnsupportedOpError } from '../../../lib/index.js';
import { inProcess } from '../helpers/cli_process.js';

const FLOAT = 1;
const STRING = 7;

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** A field of a protocol buffer: a number, a text or a message. */
function field(tag: number, value: number | string | readonly number[]): number[] {
  if (typeof value === 'number') return [...varint(tag * 8), ...varint(value)];
  const bytes = typeof value === 'string' ? [...Buffer.from(value)] : value;
  return [...varint(tag * 8 + 2), ...varint(bytes.length), ...bytes];
}

const type = (dtype: number) => field(6, dtype);

function node(
  name: string,
  op: string,
  inputs: readonly string[],
  attrs: Record<string, number[]> = {},
): number[] {
  const entries = Object.entries(attrs).flatMap(([key, value]) =>
    field(5, [...field(1, key), ...field(2, value)]),
  );
  return field(1, [
    ...field(1, name),
    ...field(2, op),
    ...inputs.flatMap((input) => field(3, input)),
    ...entries,
  ]);
}

/** A scalar Const of a text. */
function text(name: string, value: string): number[] {
  const tensor = [...field(1, STRING), ...field(2, []), ...field(8, value)];
  return node(name, 'Const', [], { dtype: type(STRING), value: field(8, tensor) });
}

const INPUT = node('x', 'Placeholder', [], {
  dtype: type(FLOAT),
  shape: field(7, [...field(2, field(1, 2)), ...field(2, field(1, 2))]),
});

let folder: string;
let secret: string;
let written: string;
let reading: string;
let writing: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ke-allow-'));
  secret = path.join(folder, 'secret');
  written = path.join(folder, 'written');
  reading = path.join(folder, 'reading.pb');
  writing = path.join(folder, 'writing.pb');
  await writeFile(secret, Buffer.from(new Float32Array([10, 20]).buffer));
  // y = x + what the file holds
  const read = [
    ...INPUT,
    ...text('name', secret),
    ...node('read', 'ReadFile', ['name']),
    ...node('numbers', 'DecodeRaw', ['read'], { out_type: type(FLOAT) }),
    ...node('y', 'AddV2', ['x', 'numbers'], { T: type(FLOAT) }),
  ];
  await writeFile(reading, Buffer.from(read));
  // y = relu(x), and a file that is written before it.
  const write = [
    ...INPUT,
    ...text('name', written),
    ...text('contents', 'gotcha'),
    ...node('write', 'WriteFile', ['name', 'contents']),
    ...node('y', 'Relu', ['x', '^write'], { T: type(FLOAT) }),
  ];
  await writeFile(writing, Buffer.from(write));
});

afterAll(() => rm(folder, { recursive: true }));

const x = { data: new Float32Array([1, 2, 3, 4]), shape: [2, 2] };

describe('allowOps', () => {
  it('is empty: what reads files is refused by op and node, and the mend is named', async () => {
    const error = await loadModel(reading).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnsupportedOpError);
    expect(error).toMatchObject({ code: 'UNIMPLEMENTED', op: 'read' });
    expect((error as Error).message).toMatch(/op ReadFile \(node 'read'\).*`allowOps`/);
  });

  it('refuses what writes files, and nothing was written', async () => {
    await expect(loadModel(writing)).rejects.toThrow(/op WriteFile \(node 'write'\)/);
    // Where the outputs do not need it, it is left out, whoever would run it y.
    const model = await loadModel(writing, { outputs: ['y'] });
    const y = (await model.predict(x)) as Tensor;
    expect(y.data).toEqual(new Float32Array([1, 2, 3, 4]));
    model.close();
    expect(existsSync(written)).toBe(false);
  });

  it('lets a model do what it names', async () => {
    const model = await loadModel(reading, { allowOps: ['ReadFile'] });
    const y = (await model.predict(x)) as Tensor;
    expect(y.data).toEqual(new Float32Array([11, 22, 13, 24]));
    model.close();
  });

  it('refuses names of no op, of ops that run functions, and what is no list of names', async () => {
    const unknown = await loadModel(reading, { allowOps: ['ReadFile', 'read'] }).catch(
      (thrown: unknown) => thrown,
    );
    expect(unknown).toBeInstanceOf(ModelError);
    expect(unknown).toMatchObject({ code: 'INVALID_ARGUMENT', op: 'read' });
    expect((unknown as Error).message).toContain("`allowOps` names 'read', which is no op of TensorFlow");
    await expect(loadModel(reading, { allowOps: ['While'] })).rejects.toThrow(
      /'While', which runs functions/,
    );
    for (const bad of ['ReadFile', [1], { ReadFile: true }, null]) {
      await expect(loadModel(reading, { allowOps: bad as unknown as string[] })).rejects.toThrow(TypeError);
      await expect(loadModel(reading, { allowOps: bad as unknown as string[] })).rejects.toThrow(/allowOps/);
    }
    await expect(loadModel(reading, { allowOps: [] })).rejects.toThrow(UnsupportedOpError);
  });

  it('holds for workers, too', async () => {
    const workers = await distribute.localWorkers(1, { threads: 1 });
    try {
      const strategy = distribute.multiWorker({ workers });
      await expect(loadModel(reading, { strategy })).rejects.toThrow(/op ReadFile/);
      const model = await loadModel(reading, { strategy, allowOps: ['ReadFile'] });
      await writeFile(secret, Buffer.from(new Float32Array([10, 20]).buffer));
      const y = (await model.predict(x)) as Tensor;
      expect(y.data).toEqual(new Float32Array([11, 22, 13, 24]));
      model.close();
    } finally {
      await workers.close();
    }
  });
});

describe('--allow-ops', () => {
  it('allows them where a model is loaded', async () => {
    const refused = await inProcess('layers', '--model', reading, '--json');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('op ReadFile');
    const taken = await inProcess(
      'layers',
      '--model',
      reading,
      '--json',
      '--allow-ops',
      'ReadFile,MatchingFiles',
    );
    expect(taken.err).toBe('');
    expect(taken.code).toBe(0);
    const empty = await inProcess('layers', '--model', reading, '--allow-ops', 'ReadFile,');
    expect(empty.code).toBe(2);
    expect(empty.err).toContain('Expected names with commas');
  });
});
