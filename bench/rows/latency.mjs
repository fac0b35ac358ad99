/** Measures the time that JavaScript and the addon add to a run, with one sample of a tiny model. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as ke from 'keras-explainable';
import { ensureTensorflow } from '../../dist/binding/loader.js';
import { sessionRun } from '../../scripts/bench/session_run.mjs';
import { ROOT } from '../../scripts/setup/process.mjs';
import { noise, openTiny } from '../models.mjs';
import { summary } from '../report.mjs';

const GRAPH = path.join(ROOT, 'test', 'fixtures', 'tiny', 'frozen.pb');
const CALLS = 1000;
const LABELS = { predict: '`predict`, a call', explain: '`explain`, a call', bare: 'a bare TF_SessionRun' };

/** A method that returns the model's outputs, so that `explain` runs the same graph as the bare run. */
function outputs({ model, inputs }) {
  const [logits, maps] = model(inputs);
  return { logits, maps };
}

async function median(call) {
  const times = [];
  for (let i = 0; i < CALLS; i++) {
    const begun = performance.now();
    await call();
    times.push((performance.now() - begun) * 1000);
  }
  return summary(times, 'lower').median;
}

export const LATENCY = {
  name: 'latency',
  title:
    'one sample of a tiny model, from JavaScript to JavaScript, compared with a bare run of the same graph in C++',
  metrics: {
    [LABELS.predict]: { unit: 'µs', better: 'lower' },
    [LABELS.explain]: { unit: 'µs', better: 'lower' },
    [LABELS.bare]: { unit: 'µs', better: 'lower' },
    '`predict` overhead': { unit: 'µs', better: 'lower', target: { atMost: 60 } },
    '`explain` overhead': { unit: 'µs', better: 'lower', target: { atMost: 60 } },
  },
  async open() {
    const program = await sessionRun();
    const library = (await ensureTensorflow()).loadedPath();
    const model = await openTiny();
    const x = noise(model, 1);
    const options = { resizing: false, verbose: 0, force: false };
    return {
      async measure() {
        const predict = await median(async () => {
          for (const tensor of await model.predict(x)) tensor.release();
        });
        const explain = await median(async () => {
          const { logits, maps } = await ke.explain(outputs, model, x, null, options);
          logits.release();
          maps.release();
        });
        const fetched = ['logits', 'activations'];
        const { stdout } = await promisify(execFile)(program, [library, GRAPH, 'x', '1,2,2,2', ...fetched]);
        const bare = Number(stdout);
        return {
          [LABELS.predict]: predict,
          [LABELS.explain]: explain,
          [LABELS.bare]: bare,
          '`predict` overhead': predict - bare,
          '`explain` overhead': explain - bare,
        };
      },
      async close() {
        model.close();
      },
    };
  },
};
