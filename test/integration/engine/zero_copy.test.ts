/** What is copied, by `ke.memory()`'s counters: nothing where memory is right, else each byte once, and when. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadedAddon } from '../../../lib/binding/loader.js';
import * as ke from '../../../lib/index.js';
import { readTensors } from '../../reference/tensors.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/reference', import.meta.url));
const DIST = new URL('../../../dist/index.js', import.meta.url).href;
const RAW = { verbose: 0, postprocessing: ke.filters.positiveNormalize } as const;
const SAMPLES = 6;
const UNITS = 2;

/** Bytes copied in and out since `before`. */
function since(before: ke.MemoryInfo): { in: number; out: number } {
  const { copiedInBytes, copiedOutBytes } = ke.memory();
  return { in: copiedInBytes - before.copiedInBytes, out: copiedOutBytes - before.copiedOutBytes };
}

/** Bytes that `action` copied, none of them on the JavaScript thread. */
async function copies(action: () => Promise<unknown>) {
  const [all, native] = [ke.memory(), loadedAddon().memory()];
  await action();
  const ofAll = since(all);
  const { copiedInBytes, copiedOutBytes } = loadedAddon().memory();
  expect(copiedInBytes - native.copiedInBytes, 'copied in by JavaScript').toBe(ofAll.in);
  expect(copiedOutBytes - native.copiedOutBytes, 'copied out by JavaScript').toBe(ofAll.out);
  return ofAll;
}

const bytesOf = ({
  logits,
  maps,
}: {
  logits: ke.Tensor | ke.RaggedTensor;
  maps: ke.Tensor | ke.RaggedTensor;
}) => (logits as ke.Tensor).byteLength + (maps as ke.Tensor).byteLength;

describe('an explain of tensors from `allocate`', () => {
  const models: Record<'one' | 'two', ke.Model | undefined> = { one: undefined, two: undefined };
  let x: ke.Tensor<'float32'>;
  let y: ke.Tensor<'int32'>;
  let rowBytes: number;

  beforeAll(async () => {
    for (const [name, interOp] of [
      ['one', 1],
      ['two', 2],
    ] as const) {
      models[name] = await ke.loadModel(`${FIXTURES}/keras3/tiny`, { threads: { interOp } });
    }
    const { shape } = readTensors(`${FIXTURES}/tiny`)('inputs');
    x = ke.allocate([SAMPLES, ...shape.slice(1)]);
    for (let i = 0; i < x.size; i++) x.data[i] = Math.sin(i);
    rowBytes = x.byteLength / SAMPLES;
    y = ke.allocate([SAMPLES, UNITS], 'int32');
    for (let i = 0; i < y.size; i++) y.data[i] = i % 3;
  });
  afterAll(() => {
    for (const model of Object.values(models)) model?.close();
  });

  const explain = (parts: 'one' | 'two', options: object = {}, units: ke.Tensor | null = y) =>
    ke.explain(ke.methods.cams.gradcam, ke.inspection.expose(models[parts] as ke.Model), x, units, {
      ...RAW,
      ...options,
    });

  it('copies nothing where it is one part', async () => {
    expect(rowBytes % 64).toBe(0);
    expect(await copies(() => explain('one'))).toEqual({ in: 0, out: 0 });
    expect(await copies(() => explain('one', {}, null))).toEqual({ in: 0, out: 0 });
    const view = models.one as ke.Model;
    expect(await copies(() => view.predict(x))).toEqual({ in: 0, out: 0 });
  });

  it('copies each row of the results once where it is several parts, the units where a part begins between 64 bytes', async () => {
    const result = await explain('two');
    // Two parts of three samples; the second's units begin at byte 24.
    const units = (SAMPLES / 2) * UNITS * 4;
    expect(await copies(() => explain('two'))).toEqual({ in: units, out: bytesOf(result) });
    expect(await copies(() => explain('two', {}, null))).toMatchObject({ in: 0 });
  });

  it('copies each row of the results once where it is several batches, from the first on', async () => {
    for (const parts of ['one', 'two'] as const) {
      for (const batchSize of [1, 2, 4]) {
        const all = await explain(parts, { batchSize }, null);
        const { out } = await copies(() => explain(parts, { batchSize }, null));
        expect(out, `${parts}, ${batchSize}`).toBe(bytesOf(all));
        const some = await explain(parts, { batchSize });
        expect((await copies(() => explain(parts, { batchSize }))).out).toBe(bytesOf(some));
      }
    }
  });

  it('writes `into` tensors that are used again, by one copy', async () => {
    const first = await explain('one');
    const into = {
      logits: ke.allocate(first.logits.shape as number[]),
      maps: ke.allocate(first.maps.shape as number[]),
    };
    for (const parts of ['one', 'two'] as const) {
      for (const batchSize of [2, SAMPLES]) {
        into.maps.data.fill(-1);
        const { out } = await copies(async () => {
          const { logits, maps } = await explain(parts, { into, batchSize });
          expect(logits).toBe(into.logits);
          expect(maps).toBe(into.maps);
        });
        expect(out, `${parts}, ${batchSize}`).toBe(bytesOf(into));
        const maps = (first.maps as ke.Tensor).data;
        for (let i = 0; i < maps.length; i++) {
          expect(Math.abs(Number(into.maps.data[i]) - Number(maps[i]))).toBeLessThan(1e-5);
        }
      }
    }
  });

  it('copies what is no aligned memory once', async () => {
    const plain = ke.tensor(x.data.slice(), x.shape);
    const before = ke.memory();
    await ke.explain(
      ke.methods.cams.gradcam,
      ke.inspection.expose(models.one as ke.Model),
      plain,
      [...Array(SAMPLES).keys()].map((i) => [i % 3, 0]),
      RAW,
    );
    expect(since(before)).toEqual({ in: x.byteLength, out: 0 });
  });
});

/**
 * Explains in a process or a worker of its own, and tells the maps, what was copied, and whether buffers are external.
 */
const SCRIPT = `
  import { isMainThread, parentPort, Worker } from 'node:worker_threads';
  const ke = await import(${JSON.stringify(DIST)});
  const model = await ke.loadModel(${JSON.stringify(`${FIXTURES}/keras3/tiny`)}, { threads: { interOp: 2 } });
  const exposed = ke.inspection.expose(model);
  const shape = [4, ...model.inputs[0].shape.slice(1)];
  const before = process.memoryUsage().arrayBuffers;
  const x = ke.allocate(shape);
  const external = process.memoryUsage().arrayBuffers - before < x.byteLength;
  for (let i = 0; i < x.size; i++) x.data[i] = Math.sin(i);
  const options = { verbose: 0, postprocessing: ke.filters.positiveNormalize };
  const explain = (more) => ke.explain(ke.methods.cams.gradcam, exposed, x, null, { ...options, ...more });
  const start = ke.memory();
  const whole = await explain({ batchSize: 4 });
  const copied = { in: ke.memory().copiedInBytes - start.copiedInBytes, out: ke.memory().copiedOutBytes - start.copiedOutBytes };
  const batches = await explain({ batchSize: 1 });
  const into = { maps: ke.allocate(whole.maps.shape) };
  await explain({ into, batchSize: 2 });
  const most = (a, b) => a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);
  const told = {
    external, copied, bytes: { in: x.byteLength, out: whole.maps.byteLength + whole.logits.byteLength },
    same: Math.max(most(whole.maps, batches.maps), most(whole.maps, into.maps)),
    maps: [...whole.maps.data.subarray(0, 64)],
  };
  whole.maps.release();
  if (isMainThread) console.log(JSON.stringify(told));
  else parentPort.postMessage(told);
  model.close();
`;

interface Told {
  readonly external: boolean;
  readonly copied: { readonly in: number; readonly out: number };
  readonly bytes: { readonly in: number; readonly out: number };
  readonly same: number;
  readonly maps: readonly number[];
}

async function tellOf(script: string, env: Record<string, string> = {}): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, ...env },
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text.err += chunk;
  });
  const [code, signal] = await once(child, 'close');
  expect({ code, signal }, text.err).toEqual({ code: 0, signal: null });
  return text.out;
}

describe('where external buffers are refused', () => {
  const REFUSED = { KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS: '1' };
  let usual: Told;
  beforeAll(async () => {
    usual = JSON.parse(await tellOf(SCRIPT));
  });

  function expectTheSame(told: Told): void {
    expect(told.external).toBe(false);
    expect(told.same).toBeLessThan(1e-5);
    expect(told.maps).toEqual(usual.maps);
    // The batch once; the results once when their parts are joined and once more for JavaScript.
    expect(told.copied).toEqual({ in: told.bytes.in, out: 2 * told.bytes.out });
  }

  it('there is nothing to copy in where they are allowed', () => {
    expect(usual).toMatchObject({ external: true, copied: { in: 0, out: usual.bytes.out } });
    expect(usual.same).toBeLessThan(1e-5);
  });

  it('explain gives the same maps, and copies are counted', async () => {
    expectTheSame(JSON.parse(await tellOf(SCRIPT, REFUSED)));
  });

  it('in two worker threads at once, too', async () => {
    const main = `
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      const start = () => new Worker(${JSON.stringify(SCRIPT)}, { eval: true, execArgv: ['--input-type=module'] });
      const workers = [start(), start()];
      const told = await Promise.all(workers.map(async (worker) => {
        const [message] = await once(worker, 'message');
        await once(worker, 'exit');
        return message;
      }));
      console.log(JSON.stringify(told));
    `;
    // Counters are the process's: the workers' copies mix there.
    for (const told of JSON.parse(await tellOf(main, REFUSED)) as Told[]) {
      expect(told.external).toBe(false);
      expect(told.same).toBeLessThan(1e-5);
      expect(told.maps).toEqual(usual.maps);
    }
  });
});
