/** Measures the delay of the event loop while batches of a large network run. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import * as ke from 'keras-explainable';
import { noise, openResNet } from '../models.mjs';

const SAMPLES = 32;

export const EVENT_LOOP = {
  name: 'event-loop',
  title: `event loop while Grad-CAM of ${SAMPLES} samples of ResNet50V2 runs, in batches of 8`,
  needs: 'ResNet50V2, which `npm run test:reference` builds',
  metrics: {
    samples: { unit: '1/s', better: 'higher' },
    'delay p99': { unit: 'ms', better: 'lower' },
    'delay max': { unit: 'ms', better: 'lower' },
  },
  async open() {
    const model = await openResNet();
    if (model === null) return null;
    const exposed = ke.inspection.expose(model);
    const x = noise(model, SAMPLES);
    const y = Array.from({ length: SAMPLES }, () => [0]);
    return {
      async measure() {
        const delay = monitorEventLoopDelay({ resolution: 1 });
        delay.enable();
        const begun = performance.now();
        const { logits, maps } = await ke.gradcam(exposed, x, y, { batchSize: 8, verbose: 0, force: false });
        const seconds = (performance.now() - begun) / 1000;
        delay.disable();
        logits.release();
        maps.release();
        // The monitor measures the time between its timer events. The time above the interval of 1 ms is delay.
        const above = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
        return {
          samples: SAMPLES / seconds,
          'delay p99': above(delay.percentile(99)),
          'delay max': above(delay.max),
        };
      },
      async close() {
        model.close();
      },
    };
  },
};
