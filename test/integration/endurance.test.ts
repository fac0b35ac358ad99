/** Endless input in a process of its own: memory stays where it is, whoever gives it back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const fixture = fileURLToPath(new URL('test/fixtures/tiny/frozen.pb', root));

/** Runs batches without an end, and prints the resident megabytes at every hundredth part of those after a warm-up. */
const endless = (warmUp: number, batches: number, options: string, step: string) => `
  const ke = await import(${JSON.stringify(new URL('dist/index.js', root).href)});
  const model = await ke.loadModel(${JSON.stringify(fixture)}, { inputs: ['x'], outputs: ['logits', 'activations'] });
  async function* endless() {
    for (let i = 0; ; i++) yield ke.tensor(new Float32Array(64).fill(i % 7), [8, 2, 2, 2]);
  }
  const options = { verbose: 0, ${options} };
  const megabytes = [];
  let n = 0;
  for await (const step of ke.explainBatches(ke.methods.cams.gradcam, model, endless(), null, options)) {
    ${step}
    if (++n > ${warmUp} && n % ${batches / 100} === 0) megabytes.push(process.memoryUsage.rss() / 1e6);
    if (n === ${warmUp + batches}) break;
  }
  console.log(JSON.stringify({ megabytes, live: ke.memory().liveBytes / 1e6 }));
`;

async function measure(script: string): Promise<{ megabytes: number[]; live: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: root });
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

/** The last quarter against the second: in between, a leak of a kilobyte a batch would show. */
function growth(megabytes: readonly number[]): number {
  expect(megabytes.length).toBe(100);
  return mean(megabytes.slice(75)) / mean(megabytes.slice(25, 50)) - 1;
}

describe('explainBatches', () => {
  it('keeps memory flat over 10,000 batches', { timeout: 120_000 }, async () => {
    const { megabytes } = await measure(endless(5000, 10_000, 'resizing: false', ''));
    expect(growth(megabytes)).toBeLessThan(0.02);
  });

  it('leaves large maps to the collector, or gives them back at once', { timeout: 120_000 }, async () => {
    // 9.6 MB of maps a batch: 14 GB in all.
    const collected = await measure(endless(500, 1000, 'resizing: [224, 224]', ''));
    expect(Math.max(...collected.megabytes)).toBeLessThan(1500);
    const released = await measure(endless(500, 1000, 'resizing: [224, 224]', 'step[Symbol.dispose]();'));
    expect(growth(released.megabytes)).toBeLessThan(0.02);
    // Those of the steps that are computed ahead.
    expect(released.live).toBeLessThan(60);
  });
});
