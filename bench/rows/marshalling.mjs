/** What it costs to hand a large batch to TensorFlow. */
import path from 'node:path';
import * as ke from 'keras-explainable';
import { gather, reshape } from '../../dist/graph/ops/index.js';
import { ROOT } from '../../scripts/setup/process.mjs';
import { noiseOf } from '../noise.mjs';
import { summary } from '../report.mjs';

const SHAPE = [32, 224, 224, 3];
const CALLS = 100;

/** Looks at one value of each sample: what a run of it costs does not depend on the samples' size. */
function firstValues({ inputs }) {
  const rows = gather(gather(inputs, [0], { axis: 1 }), [0], { axis: 2 });
  return { logits: reshape(rows, [-1, 3]), maps: rows };
}

export const MARSHALLING = {
  name: 'marshalling',
  title: `a batch of ${SHAPE.join(' x ')} float32 from \`allocate\` given to a run, beside one of ${SHAPE[0]} x 1 x 1 x ${SHAPE[3]}`,
  metrics: {
    'bytes copied': { unit: '', better: 'lower', target: { atMost: 0 } },
    'time more': { unit: 'µs', better: 'lower', target: { atMost: 50 } },
    'a copy of it': { unit: 'µs', better: 'lower' },
  },
  async open() {
    // A model that takes pictures of any size; it is not computed.
    const model = await ke.loadModel(
      path.join(ROOT, 'test', 'fixtures', 'reference', 'keras3', 'convolutional'),
    );
    const large = ke.allocate(SHAPE);
    const small = ke.allocate([SHAPE[0], 1, 1, SHAPE[3]]);
    for (const { data } of [large, small]) noiseOf(data);
    const copy = new Float32Array(large.data.length);
    const options = { batchSize: SHAPE[0], resizing: false, verbose: 0, force: false };
    const call = async (x) => {
      const begun = performance.now();
      const { logits, maps } = await ke.explain(firstValues, model, x, null, options);
      const spent = (performance.now() - begun) * 1000;
      logits.release();
      maps.release();
      return spent;
    };
    return {
      async measure() {
        const { copiedInBytes } = ke.memory();
        const [bySmall, byLarge, copies] = [[], [], []];
        for (let i = 0; i < CALLS; i++) {
          bySmall.push(await call(small));
          byLarge.push(await call(large));
          const begun = performance.now();
          copy.set(large.data);
          copies.push((performance.now() - begun) * 1000);
        }
        const median = (values) => summary(values, 'lower').median;
        return {
          'bytes copied': ke.memory().copiedInBytes - copiedInBytes,
          'time more': median(byLarge) - median(bySmall),
          'a copy of it': median(copies),
        };
      },
      async close() {
        model.close();
      },
    };
  },
};
