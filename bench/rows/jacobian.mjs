/** Measures gradients of several units, which share one forward pass. */
import { network } from '../../scripts/bench/models.mjs';
import { startOwn } from '../peers/own.mjs';
import { sharedPeer } from '../peers/peer.mjs';

const UNITS = 10;
const SAMPLES = 8;

/**
 * Compares the gradients of `UNITS` units with one forward pass and `UNITS` backward passes. The time of a backward
 * pass is the difference between the gradients of one unit and a forward pass.
 */
export const JACOBIAN = {
  name: `gradients-${UNITS}`,
  title: `input gradients of ${SAMPLES} samples of ResNet50V2, for ${UNITS} units at once`,
  metrics: {
    [`${UNITS} units`]: { unit: 'ms', better: 'lower' },
    '1 unit': { unit: 'ms', better: 'lower' },
    'one forward pass': { unit: 'ms', better: 'lower' },
    [`1 forward and ${UNITS} backward passes`]: { unit: 'ms', better: 'lower' },
    ratio: {
      ratio: [`${UNITS} units`, `1 forward and ${UNITS} backward passes`],
      unit: 'x',
      better: 'lower',
      target: { atMost: 1 },
    },
  },
  async open() {
    const own = await sharedPeer(startOwn);
    const model = await network('ResNet50V2');
    const open = (method, units) => own.open({ model, method, samples: SAMPLES, batchSize: 8, units });
    const [all, one, forward] = [
      await open('gradients', UNITS),
      await open('gradients', 1),
      await open('predict', 1),
    ];
    const milliseconds = async (job) => (1000 * SAMPLES) / (await job.rate());
    return {
      async measure() {
        const [several, single, passed] = [
          await milliseconds(all),
          await milliseconds(one),
          await milliseconds(forward),
        ];
        return {
          [`${UNITS} units`]: several,
          '1 unit': single,
          'one forward pass': passed,
          [`1 forward and ${UNITS} backward passes`]: passed + UNITS * (single - passed),
        };
      },
      async close() {},
    };
  },
};
