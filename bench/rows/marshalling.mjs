/** Measures the cost of passing a large batch to TensorFlow. */
import { ensureTensorflow } from '../../dist/binding/loader.js';
import { refuseNotFinite } from '../../dist/data/inputs.js';
import { gather } from '../../dist/graph/ops/index.js';
import { Trace } from '../../dist/graph/trace.js';
import { allocate, memory } from '../../dist/tensor/tensor.js';
import { openTiny } from '../models.mjs';
import { noiseOf } from '../noise.mjs';
import { summary } from '../report.mjs';

const SHAPE = [32, 224, 224, 3];
const CALLS = 200;

/** Prepares a function that reads one value of each sample, so that its time does not depend on the samples' size. */
async function openFirstValues() {
  // Only the model's session is used. The function is not part of the model.
  const model = await openTiny();
  const trace = Trace.create(await ensureTensorflow());
  const first = trace.run(() => {
    const x = trace.placeholder('float32', [null, null, null, SHAPE[3]], 'x');
    return gather(gather(x, [0], { axis: 1 }), [0], { axis: 2 });
  });
  const compiled = await trace.compile([first], model.core.session);
  return {
    async run({ aligned }) {
      const [values] = await compiled.run([aligned], { shardSize: SHAPE[0] });
      values.release();
    },
    close() {
      compiled.close();
      model.close();
    },
  };
}

async function timed(work) {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) * 1000;
}

export const MARSHALLING = {
  name: 'marshalling',
  title: `a batch of ${SHAPE.join(' x ')} float32 from \`allocate\` passed to a run, compared with a batch of ${SHAPE[0]} x 1 x 1 x ${SHAPE[3]}`,
  metrics: {
    'bytes copied': { unit: '', better: 'lower', target: { atMost: 0 } },
    'additional time': { unit: 'µs', better: 'lower', target: { atMost: 50 } },
    'for comparison: a copy of the batch': { unit: 'µs', better: 'lower' },
    'for comparison: the check for NaN': { unit: 'µs', better: 'lower' },
  },
  async open() {
    const firstValues = await openFirstValues();
    const large = allocate(SHAPE);
    const small = allocate([SHAPE[0], 1, 1, SHAPE[3]]);
    for (const { data } of [large, small]) noiseOf(data);
    const copy = new Float32Array(large.data.length);
    return {
      async measure() {
        const { copiedInBytes } = memory();
        const spent = { small: [], large: [], copy: [], look: [] };
        // The two runs alternate. The copy and the check for NaN follow separately, because they flush the caches.
        for (let i = 0; i < CALLS; i++) {
          spent.small.push(await timed(() => firstValues.run(small)));
          spent.large.push(await timed(() => firstValues.run(large)));
        }
        for (let i = 0; i < CALLS; i++) {
          spent.copy.push(await timed(() => copy.set(large.data)));
          spent.look.push(await timed(() => refuseNotFinite('x', large)));
        }
        const median = (values) => summary(values, 'lower').median;
        return {
          'bytes copied': memory().copiedInBytes - copiedInBytes,
          'additional time': median(spent.large) - median(spent.small),
          'for comparison: a copy of the batch': median(spent.copy),
          'for comparison: the check for NaN': median(spent.look),
        };
      },
      async close() {
        firstValues.close();
        large.release();
        small.release();
      },
    };
  },
};
