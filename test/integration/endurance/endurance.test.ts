/** Endless input in a process of its own: memory stays where it is, whoever gives it back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const fixture = fileURLToPath(new URL('test/fixtures/tiny/frozen.pb', root));

/** Runs batches without an end, and prints the megabytes in use at every hundredth part of those after a warm-up. */
const endless = (warmUp: number, batches: number, options: string, step: string, collect = true) => `
  const { Meter, growth, quarter } = await import(${JSON.stringify(new URL('soak/meter.mjs', import.meta.url).href)});
  const ke = await import(${JSON.stringify(new URL('dist/index.js', root).href)});
  const model = await ke.loadModel(${JSON.stringify(fixture)}, { inputs: ['x'], outputs: ['logits', 'activations'] });
  async function* endless() {
    for (let i = 0; ; i++) yield ke.tensor(new Float32Array(64).fill(i % 7), [8, 2, 2, 2]);
  }
  const options = { verbose: 0, ${options} };
  const meter = new Meter(ke);
  let n = 0;
  for await (const step of ke.explainBatches(ke.methods.cams.gradcam, model, endless(), null, options)) {
    ${step}
    if (++n > ${warmUp} && n % ${batches / 100} === 0) await meter.sample({ collecting: ${collect} });
    if (n === ${warmUp + batches}) break;
  }
  const { rss, heap } = meter.series;
  const [most, before] = [Math.max(...rss), quarter(rss, 1)];
  console.log(JSON.stringify({
    samples: rss.length, most, grown: growth(rss) / before, heap: growth(heap), live: ke.memory().liveBytes / 1e6,
  }));
`;

interface Usage {
  readonly samples: number;
  /** Megabytes resident at most, and by how much of it they grew from the second quarter to the last. */
  readonly most: number;
  readonly grown: number;
  /** Megabytes by which the heap grew. */
  readonly heap: number;
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
  const usage = JSON.parse(out) as Usage;
  expect(usage.samples).toBe(100);
  return usage;
}

describe('explainBatches', () => {
  it('keeps memory flat over 10,000 batches', { timeout: 120_000 }, async () => {
    const { grown, heap } = await measure(endless(5000, 10_000, 'resizing: false', ''));
    expect(grown).toBeLessThan(0.02);
    // 40 bytes a batch.
    expect(heap).toBeLessThan(0.2);
  });

  it('leaves large maps to the collector, or gives them back at once', { timeout: 120_000 }, async () => {
    // 9.6 MB of maps a batch: 14 GB in all.
    const collected = await measure(endless(500, 1000, 'resizing: [224, 224]', '', false));
    expect(collected.most).toBeLessThan(1500);
    const released = await measure(endless(500, 1000, 'resizing: [224, 224]', 'step[Symbol.dispose]();'));
    expect(released.grown).toBeLessThan(0.02);
    // Those of the steps that are computed ahead.
    expect(released.live).toBeLessThan(60);
  });
});
