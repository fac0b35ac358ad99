/** Many callers of single samples, with and without coalescing. */
import * as ke from 'keras-explainable';
import { noise, openDemo, openTiny } from '../models.mjs';

const MILLISECONDS = 1500;

/**
 * Every caller calls again as soon as its call is answered. Each round has a new explainer, so that `stats()` covers
 * one round.
 */
export async function serve({ method, exposed, x, callers, options }) {
  const explainer = ke.createExplainer(method, exposed, { resizing: false, ...options });
  await explainer.warmUp(x, [[0]]);
  const begun = performance.now();
  const caller = async () => {
    while (performance.now() - begun < MILLISECONDS) {
      const { logits, maps } = await explainer.explain(x, [[0]]);
      logits.release();
      maps.release();
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const seconds = (performance.now() - begun) / 1000;
  const { completed, latencyMs, batchSizes } = explainer.stats();
  await explainer.close();
  return {
    calls: completed / seconds,
    'latency p50': latencyMs.p50,
    'latency p99': latencyMs.p99,
    'calls per batch': batchSizes.mean,
  };
}

const row = ({ name, title, open, callers, options, method = ke.methods.cams.gradcam }) => ({
  name,
  title,
  metrics: {
    calls: { unit: '1/s', better: 'higher' },
    'latency p50': { unit: 'ms', better: 'lower' },
    'latency p99': { unit: 'ms', better: 'lower' },
    'calls per batch': { unit: '', better: 'higher' },
  },
  async open() {
    const model = await open();
    const exposed = model.outputs.length > 1 ? model : ke.inspection.expose(model);
    const x = noise(model, 1);
    return {
      measure: () => serve({ method, exposed, x, callers, options }),
      async close() {
        model.close();
      },
    };
  },
});

const demo = (size, callers) =>
  row({
    name: `demo-${size}x${callers}`,
    title: `explainer, Grad-CAM of the demo's model, maxBatchSize ${size}, ${callers} caller${callers === 1 ? '' : 's'}`,
    open: openDemo,
    callers,
    options: { maxBatchSize: size },
  });

const tiny = (size) =>
  row({
    name: `tiny-${size}x64`,
    title: `explainer, Grad-CAM of a tiny model, maxBatchSize ${size}, 64 callers`,
    open: openTiny,
    callers: 64,
    options: { maxBatchSize: size },
  });

export const EXPLAINERS = [demo(8, 16), demo(1, 16), demo(8, 1), demo(1, 1), tiny(32), tiny(8), tiny(1)];
