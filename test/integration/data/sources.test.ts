/** Sources through a real model: what they give is what the same samples give as one array. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { difference } from '../helpers/difference.js';

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

let model: Awaited<ReturnType<typeof ke.loadModel>>;
let exposed: typeof model;
let directory = '';
beforeAll(async () => {
  model = await ke.loadModel(path('demo/model'));
  exposed = ke.inspection.expose(model);
  directory = await mkdtemp(join(tmpdir(), 'ke-data-'));
});
afterAll(async () => {
  model.close();
  await rm(directory, { recursive: true });
});

const options = { verbose: 0, resizing: false } as const;

/** (n, 96, 96, 3) of bytes. */
const SAMPLE = 96 * 96 * 3;
const samples = (n: number) => Uint8Array.from({ length: n * SAMPLE }, (_, i) => (i * 31) ^ (i >> 7));
const rowsOf = (data: Uint8Array, begin: number, end: number): ke.ArrayData => ({
  data: data.subarray(begin * SAMPLE, end * SAMPLE),
  shape: [end - begin, 96, 96, 3],
});
const units = (n: number) => Array.from({ length: n }, (_, row) => [row % 10, (row + 3) % 10]);

async function expected(n: number) {
  return ke.gradcam(exposed, rowsOf(samples(n), 0, n), units(n), options);
}

function expectEqual(result: ke.ExplainResult, other: ke.ExplainResult): void {
  expect(result.maps.shape).toEqual(other.maps.shape);
  // Without oneDNN, the order of sums depends on the number of samples in a batch: docs/running.md.
  if (process.env.TF_ENABLE_ONEDNN_OPTS === '0') {
    expect(difference(result.logits, other.logits)).toBeLessThan(1e-6);
    expect(difference(result.maps, other.maps)).toBeLessThan(1e-6);
    return;
  }
  expect(result.logits.data).toEqual(other.logits.data);
  expect(result.maps.data).toEqual(other.maps.data);
}

describe('a source has the same results as an array', () => {
  it('as a Sequence that is read in parallel', async () => {
    const data = samples(7);
    const sequence: ke.data.Sequence = {
      length: 3,
      at: async (i) => {
        const [begin, end] = [i * 3, Math.min(i * 3 + 3, 7)];
        await new Promise((resolve) => setTimeout(resolve, 5 * (3 - i)));
        return [rowsOf(data, begin, end), units(7).slice(begin, end)];
      },
    };
    const result = await ke.gradcam(exposed, sequence, null, { ...options, workers: 3 });
    expectEqual(result as ke.ExplainResult, await expected(7));
  });

  it('as a stream of bytes that a Transform makes batches of', async () => {
    const data = samples(4);
    const batches = new Transform({
      readableObjectMode: true,
      transform(chunk: Buffer, _, done) {
        done(null, { x: { data: new Uint8Array(chunk), shape: [1, 96, 96, 3] } });
      },
    });
    const bytes = Readable.from(
      [0, 1, 2, 3].map((i) => Buffer.from(data.subarray(i * SAMPLE, (i + 1) * SAMPLE))),
    );
    const streamed = await ke.gradcam(exposed, bytes.pipe(batches), null, options);
    const all = await ke.gradcam(exposed, rowsOf(data, 0, 4), null, options);
    expectEqual(streamed as ke.ExplainResult, all);
  });

  it('as a .npy file, read by rows, in batches and in several steps at once', async () => {
    const header = Buffer.from(`{'descr': '|u1', 'fortran_order': False, 'shape': (5, 96, 96, 3), }\n`);
    const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]);
    const file = join(directory, 'x.npy');
    await writeFile(file, Buffer.concat([prefix, header, samples(5)]));
    const all = await expected(5);
    const steps = await ke.loadModel(path('demo/model'), { stepsPerExecution: 3 });
    for (const loaded of [exposed, ke.inspection.expose(steps)]) {
      const rows = await ke.data.npyFile(file, { batchSize: 2 });
      expectEqual((await ke.gradcam(loaded, rows, units(5), options)) as ke.ExplainResult, all);
    }
    expectEqual(await ke.gradcam(exposed, await ke.data.readNpy(file), units(5), options), all);
    steps.close();
  });

  it('as pictures in files', async () => {
    const files = await ke.data.imageFiles(path('demo/images/*.jpg'), { size: [96, 96], batchSize: 4 });
    const pictures = await Promise.all(files.paths.map((each) => ke.image.readImage(each)));
    const y = pictures.map((_, row) => [row % 10]);
    const all = await ke.gradcam(exposed, await ke.image.batchImages(pictures), y, options);
    expectEqual((await ke.gradcam(exposed, files, y, { ...options, workers: 2 })) as ke.ExplainResult, all);
  });

  it('in threads', async () => {
    const module = join(directory, 'bytes.mjs');
    await writeFile(
      module,
      `export default ({ n }) => ({
        length: n,
        at(i) {
          const data = Uint8Array.from({ length: ${SAMPLE} }, (_, k) => ((i * ${SAMPLE} + k) * 31) ^ ((i * ${SAMPLE} + k) >> 7));
          return { x: { data, shape: [1, 96, 96, 3] }, y: [[i % 10, (i + 3) % 10]] };
        },
      });`,
    );
    const sequence = await ke.data.moduleSequence(module, { n: 6 }, { transfer: true });
    const threads = { ...options, useMultiprocessing: true, workers: 2 };
    expectEqual((await ke.gradcam(exposed, sequence, null, threads)) as ke.ExplainResult, await expected(6));
  });

  it('with a picture of another size in each batch: ragged', async () => {
    const names = ['test/fixtures/images/rgb.png', 'demo/images/01-digit-0.png'].map(path);
    const files = await ke.data.imageFiles(names);
    const seen: (readonly number[])[] = [];
    for (let i = 0; i < files.length; i++) seen.push(((await files.at(i)).x as ke.Tensor).shape);
    expect(new Set(seen.map(String)).size).toBe(2);
  });
});

describe('a process', () => {
  const run = (script: string) => {
    const setUp = `
      const ke = await import(${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)});
      const numbers = ${JSON.stringify(new URL('../../fixtures/sequences/numbers.mjs', import.meta.url).href)};
      const model = { inputs: [{ name: 'x', dtype: 'float32', shape: [null, 2] }], outputs: [] };
      const threads = { useMultiprocessing: true, workers: 2 };`;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', setUp + script],
      {
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    expect([status, stdout], stderr).toEqual([0, 'end\n']);
  };

  it('is not kept alive by idle threads', () => {
    run(`
      const sequence = await ke.data.moduleSequence(numbers, { length: 50 });
      const batches = ke.engine.makeDataHandler(model, sequence, null, threads).batches();
      await batches.next();
      console.log('end');`);
  });

  it('ends after a run whose producer never settles was aborted', () => {
    run(`
      const stuck = async function* () {
        yield ke.tensor([[1, 2]]);
        setImmediate(() => controller.abort());
        await new Promise(() => {});
      };
      const controller = new AbortController();
      const batches = ke.engine.makeDataHandler(model, stuck(), null).batches(controller.signal);
      await batches.next();
      const error = await batches.next().catch((thrown) => thrown);
      if (error.name === 'CancelledError') console.log('end');`);
  });

  it('keeps no memory of large batches that were read', () => {
    // 50 x 19 MB, of which ten are ahead at most: glibc's aligned allocation kept nearly all of them.
    run(`
      const image = { ...model, inputs: [{ name: 'x', dtype: 'float32', shape: [null, 224, 224, 3] }] };
      const batch = { data: new Float32Array(32 * 224 * 224 * 3).fill(1), shape: [32, 224, 224, 3] };
      const source = Array(50).fill(batch).values();
      await ke.ready();
      const before = process.memoryUsage.rss();
      let grown = 0;
      for await (const { release } of ke.engine.makeDataHandler(image, source, null).batches()) {
        grown = Math.max(grown, (process.memoryUsage.rss() - before) / 1e6);
        release();
      }
      console.log(grown < 400 ? 'end' : grown);`);
  });

  it('that is interrupted ends with its threads', () => {
    run(`
      const sequence = await ke.data.moduleSequence(numbers, { mode: 'block', at: 0 });
      process.once('SIGINT', () => {
        console.log('end');
        process.exit(0);
      });
      setTimeout(() => process.kill(process.pid, 'SIGINT'), 200);
      await ke.engine.makeDataHandler(model, sequence, null, threads).batches().next();`);
  });
});
