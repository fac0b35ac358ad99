/** Endless input in a process of its own: memory stays where it is, whoever gives it back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const fixture = fileURLToPath(new URL('test/fixtures/tiny/frozen.pb', root));

/** Runs batches without an end, and prints the megabytes in use at every hundredth part of those after a warm-up. */
const endless = (warmUp: number, batches: number, options: string, step: string, collect = true) => `
  const ke = await import(${JSON.stringify(new URL('dist/index.js', root).href)});
  const model = await ke.loadModel(${JSON.stringify(fixture)}, { inputs: ['x'], outputs: ['logits', 'activations'] });
  async function* endless() {
    for (let i = 0; ; i++) yield ke.tensor(new Float32Array(64).fill(i % 7), [8, 2, 2, 2]);
  }
  const options = { verbose: 0, ${options} };
  const megabytes = [];
  const heap = [];
  let n = 0;
  for await (const step of ke.explainBatches(ke.methods.cams.gradcam, model, endless(), null, options)) {
    ${step}
    if (++n > ${warmUp} && n % ${batches / 100} === 0) {
      // Garbage is no leak: when V8 collects it is its own affair.
      ${collect ? 'gc();' : ''}
      const { rss, heapUsed } = process.memoryUsage();
      megabytes.push(rss / 1e6);
      heap.push(heapUsed / 1e6);
    }
    if (n === ${warmUp + batches}) break;
  }
  console.log(JSON.stringify({ megabytes, heap, live: ke.memory().liveBytes / 1e6 }));
`;

interface Usage {
  readonly megabytes: readonly number[];
  readonly heap: readonly number[];
  readonly live: number;
}

async function measure(script: string): Promise<Usage> {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], { cwd: root });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk;
  });
  const [code] = await once(child, 'close');
  expect(code, err).toBe(0);
  return JSON.parse(out);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Megabytes from the second quarter to the last. */
function growth(megabytes: readonly number[]): number {
  expect(megabytes.length).toBe(100);
  return mean(megabytes.slice(75)) - mean(megabytes.slice(25, 50));
}

describe('explainBatches', () => {
  it('keeps memory flat over 10,000 batches', { timeout: 120_000 }, async () => {
    const { megabytes, heap } = await measure(endless(5000, 10_000, 'resizing: false', ''));
    // 2 % of some 400 MB; on the heap 40 bytes a batch.
    expect(growth(megabytes)).toBeLessThan(8);
    expect(growth(heap)).toBeLessThan(0.2);
  });

  it('leaves large maps to the collector, or gives them back at once', { timeout: 120_000 }, async () => {
    // 9.6 MB of maps a batch: 14 GB in all.
    const collected = await measure(endless(500, 1000, 'resizing: [224, 224]', '', false));
    expect(Math.max(...collected.megabytes)).toBeLessThan(1500);
    const released = await measure(endless(500, 1000, 'resizing: [224, 224]', 'step[Symbol.dispose]();'));
    expect(growth(released.megabytes)).toBeLessThan(8);
    // Those of the steps that are computed ahead.
    expect(released.live).toBeLessThan(60);
  });
});
