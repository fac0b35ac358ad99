/** `createExplainer`: its ends and its beginning. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';
import {
  create,
  endless,
  expected,
  frozen,
  load,
  looping,
  model,
  raw,
  sample,
  single,
  values,
} from './explainer_fixture.js';

const { gradcam } = ke.methods.cams;

describe('close', () => {
  it('answers what was accepted and takes no more', async () => {
    const explainer = create(gradcam, model, { ...raw, maxBatchSize: 2 });
    const calls = Array.from({ length: 7 }, (_, i) => explainer.explain(sample(i)));
    const closing = explainer.close();
    expect(explainer.closed).toBe(true);
    await expect(explainer.explain(sample(0))).rejects.toMatchObject({ code: 'CLOSED' });
    await closing;
    expect(explainer.stats()).toMatchObject({ waiting: 0, inFlight: 0, completed: 7, rejected: 1 });
    await Promise.all(calls);
    await explainer.close();
    await explainer[Symbol.asyncDispose]();
    expect(model.closed).toBe(false);
  });

  it('cancels what is left after its timeout, and nothing runs any more', async () => {
    const explainer = create(looping, single, raw);
    const calls = [
      explainer.explain(endless()),
      explainer.explain(endless()),
      explainer.explain(sample(0), [[1]]),
    ];
    const outcomes = Promise.allSettled(calls);
    const unhurried = explainer.close({ timeout: 100_000 });
    await explainer.close({ timeout: 20 });
    await unhurried;
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'CANCELLED' } });
    expect(explainer.stats()).toMatchObject({ waiting: 0, inFlight: 0, cancelled: 3 });
    await expect(explainer.close({ timeout: -1 })).rejects.toThrow(/timeout/);
  });

  it('is not needed for a model that someone else closes', async () => {
    const other = await load({ interOp: 1 });
    const explainer = create(looping, other, { ...raw, maxBatchSize: 1 });
    const controller = new AbortController();
    const calls = [
      explainer.explain(endless(), null, { signal: controller.signal }),
      ...[1, 2, 3].map((i) => explainer.explain(sample(i))),
    ];
    const outcomes = Promise.allSettled(calls);
    await vi.waitFor(() => expect(explainer.stats().inFlight).toBeGreaterThan(0));
    other.close();
    controller.abort();
    const codes = (await outcomes).map((each) => (each as PromiseRejectedResult).reason?.code);
    expect(codes[0]).toBe('CANCELLED');
    expect(codes[3]).toBe('CLOSED');
    await expect(explainer.explain(sample(0))).rejects.toBeInstanceOf(ke.ModelError);
    await explainer.close();
    expect(() => ke.createExplainer(gradcam, other)).toThrow(ke.ModelError);
  });
});

describe('warmUp', () => {
  it('compiles and runs, and counts nothing', async () => {
    const explainer = create(gradcam, model, raw);
    await explainer.warmUp();
    await explainer.warmUp(sample(3), [[1]]);
    await expect(explainer.warmUp(sample(3), [[5]])).rejects.toThrow(RangeError);
    expect(explainer.stats()).toMatchObject({ calls: 0, batches: 0, latencyMs: { max: 0 } });
    expect(values(await explainer.explain(sample(2)))).toEqual(await expected(2));
    const { p50, p99, max } = explainer.stats().latencyMs;
    expect(p50).toBeGreaterThan(0);
    expect(max).toBeGreaterThanOrEqual(p99 * 0.99);
    await explainer.close();
    await expect(explainer.warmUp()).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a process', () => {
  it('ends by itself with an explainer left open, whatever timeouts its calls had', () => {
    const script = `
      const ke = await import(${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)});
      const model = await ke.loadModel(${JSON.stringify(frozen)}, { inputs: ['x'], outputs: ['logits', 'activations'] });
      const explainer = ke.createExplainer(ke.methods.cams.gradcam, model, { resizing: false, maxDelayMs: 60000 });
      const x = ke.tensor(new Float32Array(8), [1, 2, 2, 2]);
      const signal = new AbortController().signal;
      const answers = await Promise.all([1, 2, 3].map(() => explainer.explain(x, null, { signal, timeout: 1e6 })));
      console.log(answers.length, explainer.stats().batches);
    `;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(status, stderr).toBe(0);
    expect(stdout.trim()).toBe('3 1');
  });
});
