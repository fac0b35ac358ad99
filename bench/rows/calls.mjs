/** Measures the overhead of a call and of a step with a tiny model, whose computation is negligible. */
import * as ke from 'keras-explainable';
import { noise, openTiny } from '../models.mjs';

const { gradcam } = ke.methods.cams;
const STEPS = 512;
const CALLS_A_ROUND = 300;

const microseconds = (begun, count) => ((performance.now() - begun) * 1000) / count;

const steps = (stepsPerExecution) => ({
  name: `steps-${stepsPerExecution}`,
  title: `explain, ${STEPS} steps of a tiny model, stepsPerExecution ${stepsPerExecution}`,
  metrics: { 'a step': { unit: 'µs', better: 'lower' } },
  async open() {
    const model = await openTiny({ stepsPerExecution });
    const x = noise(model, STEPS);
    return {
      async measure() {
        const begun = performance.now();
        const { logits, maps } = await ke.explain(gradcam, model, x, null, {
          batchSize: 1,
          resizing: false,
          verbose: 0,
          force: false,
        });
        const spent = microseconds(begun, STEPS);
        logits.release();
        maps.release();
        return { 'a step': spent };
      },
      async close() {
        model.close();
      },
    };
  },
});

const calls = {
  name: 'calls',
  title: 'explain, one sample of a tiny model, one call after the other',
  metrics: { 'a call': { unit: 'µs', better: 'lower' } },
  async open() {
    const model = await openTiny();
    const x = noise(model, 1);
    return {
      async measure() {
        const begun = performance.now();
        for (let i = 0; i < CALLS_A_ROUND; i++) {
          const options = { resizing: false, verbose: 0, force: false };
          const { logits, maps } = await ke.explain(gradcam, model, x, null, options);
          logits.release();
          maps.release();
        }
        return { 'a call': microseconds(begun, CALLS_A_ROUND) };
      },
      async close() {
        model.close();
      },
    };
  },
};

export const CALLS = [calls, steps(1), steps(8)];
