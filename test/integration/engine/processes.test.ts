/** The built package in processes and threads of its own: several at once, ended in the middle, left alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const fixture = fileURLToPath(new URL('test/fixtures/tiny/frozen.pb', root));

/** A prelude for all: `ke`, `load()`, `images(n)` and `explain(model, n)`. */
const PRELUDE = `
  import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
  import { once } from 'node:events';
  const ke = await import(${JSON.stringify(new URL('dist/index.js', root).href)});
  const load = () => ke.loadModel(${JSON.stringify(fixture)}, { inputs: ['x'], outputs: ['logits', 'activations'] });
  const images = (n) => ke.tensor(new Float32Array(n * 8).fill(1), [n, 2, 2, 2]);
  const explain = (model, n, options) => ke.explain(ke.methods.cams.gradcam, model, images(n), null,
    { resizing: false, verbose: 0, ...options });
`;

async function run(
  script: string,
): Promise<{ code: number | null; signal: string | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PRELUDE + script], { cwd: root });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text.err += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...text };
}

const worker = (body: string) =>
  `new Worker(${JSON.stringify(PRELUDE + body)}, { eval: true, execArgv: ['--input-type=module'] })`;

async function expectClean(script: string, out: string): Promise<void> {
  const ended = await run(script);
  expect(ended, ended.err).toMatchObject({ code: 0, signal: null });
  expect(ended.out.trim()).toBe(out);
}

describe('processes', () => {
  it('end by themselves with a model left open', async () => {
    await expectClean(
      `const model = await load(); const { maps } = await explain(model, 2); console.log(maps.shape.join());`,
      '2,2,2,3',
    );
  });

  it('end in the middle of a run', async () => {
    await expectClean(
      `const model = await load();
       const onPredictBatchEnd = () => { console.log('exits'); process.exit(0); };
       void explain(model, 200000, { batchSize: 100, callbacks: [{ onPredictBatchEnd }] });`,
      'exits',
    );
  });

  it('end in the middle of loading and of compiling', async () => {
    await expectClean(`void load(); console.log('exits'); process.exit(0);`, 'exits');
    await expectClean(
      `const model = await load(); void explain(model, 2); setImmediate(() => { console.log('exits'); process.exit(0); });`,
      'exits',
    );
  });

  it('survive a model that is closed in the middle of a run', async () => {
    await expectClean(
      `const model = await load();
       const onPredictBatchEnd = () => model.close();
       const options = { batchSize: 100, callbacks: [{ onPredictBatchEnd }] };
       const outcome = explain(model, 200000, options).then(() => 'done', (error) => error.code);
       console.log(await outcome);`,
      'CLOSED',
    );
  });
});

describe('worker threads', () => {
  const explaining = `
    const model = await load();
    parentPort.postMessage('ready');
    for (let i = 0; i < workerData.rounds; i++) {
      const { logits } = await explain(model, 64, { batchSize: 8 });
      if (logits.shape[0] !== 64) throw new Error('wrong shape');
      if (i === 2) parentPort.postMessage('explains');
    }
    parentPort.postMessage('done');
    model.close();
  `;
  const start = (rounds: number) =>
    worker(explaining).replace('{ eval', `{ workerData: { rounds: ${rounds} }, eval`);

  it('work side by side', async () => {
    await expectClean(
      `const workers = [${start(20)}, ${start(20)}];
       const codes = await Promise.all(workers.map(async (each) => (await once(each, 'exit'))[0]));
       console.log(codes.join());`,
      '0,0',
    );
  });

  it('are terminated while the addon starts in them', async () => {
    const loader = JSON.stringify(new URL('dist/binding/loader.js', root).href);
    const starting = JSON.stringify(`
      const { parentPort } = await import('node:worker_threads');
      const { unloadedAddon } = await import(${loader});
      parentPort.postMessage('now');
      unloadedAddon();
    `);
    await expectClean(
      `for (let i = 0; i < 30; i++) {
         const victim = new Worker(${starting}, { eval: true, execArgv: ['--input-type=module'] });
         await once(victim, 'message');
         await new Promise((resolve) => setTimeout(resolve, i / 15));
         await victim.terminate();
       }
       console.log('all');`,
      'all',
    );
  });

  it('are terminated in the middle of a run without harm to the others', async () => {
    await expectClean(
      `const [victim, other] = [${start(1e9)}, ${start(60)}];
       const ended = once(other, 'exit');
       await new Promise((resolve) => victim.on('message', (word) => word === 'explains' && resolve()));
       await victim.terminate();
       const model = await load();
       const { logits } = await explain(model, 3);
       console.log((await ended)[0], logits.shape.join());`,
      '0 3,3',
    );
  });
});
