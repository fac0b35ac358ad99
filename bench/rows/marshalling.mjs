/** What it costs to hand a large batch to TensorFlow. */
import { ensureTensorflow } from '../../dist/binding/loader.js';
import { refuseNaN } from '../../dist/data/inputs.js';
import { gather } from '../../dist/graph/ops/index.js';
import { Trace } from '../../dist/graph/trace.js';
import { allocate, memory } from '../../dist/tensor/tensor.js';
import { openTiny } from '../models.mjs';
import { noiseOf } from '../noise.mjs';
import { summary } from '../report.mjs';

const SHAPE = [32, 224, 224, 3];
const CALLS = 200;

/** A function that looks at one value of each sample: how long it takes does not depend on the samples' size. */
async function openFirstValues() {
  // For its session: what runs is no part of the model.
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
  title: `a batch of ${SHAPE.join(' x ')} float32 from \`allocate\` given to a run, beside one of ${SHAPE[0]} x 1 x 1 x ${SHAPE[3]}`,
  metrics: {
    'bytes copied': { unit: '', better: 'lower', target: { atMost: 0 } },
    'time more': { unit: 'µs', better: 'lower', target: { atMost: 50 } },
    'a copy of it': { unit: 'µs', better: 'lower' },
    'looked through for NaN, beside it': { unit: 'µs', better: 'lower' },
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
        // In turn, and apart from what sweeps the caches.
        for (let i = 0; i < CALLS; i++) {
          spent.small.push(await timed(() => firstValues.run(small)));
          spent.large.push(await timed(() => firstValues.run(large)));
        }
        for (let i = 0; i < CALLS; i++) {
          spent.copy.push(await timed(() => copy.set(large.data)));
          spent.look.push(await timed(() => refuseNaN('x', large)));
        }
        const median = (values) => summary(values, 'lower').median;
        return {
          'bytes copied': memory().copiedInBytes - copiedInBytes,
          'time more': median(spent.large) - median(spent.small),
          'a copy of it': median(spent.copy),
          'looked through for NaN, beside it': median(spent.look),
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
