/** Compares the gradients of a recurrent network with TensorFlow's own in Python. */
import { network } from '../../scripts/bench/models.mjs';
import { startOwn } from '../peers/own.mjs';
import { startTensorflow } from '../peers/tensorflow.mjs';
import { checkEqual } from './against.mjs';

const SAMPLES = 16;
const BATCH = 8;
const MIB = 2 ** 20;

export const LSTM = {
  name: 'lstm',
  title: `input gradients of ${SAMPLES} sequences by an LSTM (128) of 500 steps, in batches of ${BATCH}, compared with GradientTape in Python`,
  metrics: {
    here: { unit: 'ms', better: 'lower' },
    TensorFlow: { unit: 'ms', better: 'lower' },
    time: { ratio: ['here', 'TensorFlow'], unit: 'x', better: 'lower', target: { atMost: 1.5 } },
    'peak here': { unit: 'MiB', better: 'lower' },
    'peak of TensorFlow': { unit: 'MiB', better: 'lower' },
    memory: {
      ratio: ['peak here', 'peak of TensorFlow'],
      unit: 'x',
      better: 'lower',
      target: { atMost: 1.2 },
    },
  },
  async open() {
    // Peers of this row alone, so that the peaks are those of this job.
    const model = await network('LSTM');
    const [here, tensorflow] = await Promise.all([startOwn(), startTensorflow()]);
    const job = { model, method: 'gradients', samples: SAMPLES, batchSize: BATCH };
    const [own, theirs] = [await here.open(job), await tensorflow.open(job)];
    checkEqual('lstm', await own.maps(), await theirs.maps());
    const milliseconds = async (opened) => (1000 * SAMPLES) / (await opened.rate());
    return {
      async measure() {
        return {
          here: await milliseconds(own),
          TensorFlow: await milliseconds(theirs),
          'peak here': (await here.memory()) / MIB,
          'peak of TensorFlow': (await tensorflow.memory()) / MIB,
        };
      },
      async close() {
        await Promise.all([here.close(), tensorflow.close()]);
      },
    };
  },
};
