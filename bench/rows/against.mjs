/** Rows that compare this package with a peer, or two jobs of this package. */
import { startOnnx } from '../peers/onnx.mjs';
import { startOwn } from '../peers/own.mjs';
import { sharedPeer } from '../peers/peer.mjs';
import { startPython } from '../peers/python.mjs';

export const OWN = { start: startOwn, label: 'here' };
export const PYTHON = { start: startPython, label: 'Python library' };
export const ONNX = { start: startOnnx, label: 'onnxruntime' };

export const RATE = { unit: 'samples/s', better: 'higher' };

/** The maximum difference between maps, as a fraction of the other map's largest value. */
const TOLERANCE = 1e-4;

/**
 * Throws if maps differ, so that no figure measures a wrong map.
 *
 * @param {{ tolerance?: number, others?: number }} how the tolerances. At least one sample must be within `tolerance`,
 *   and all samples within `others`. The gradient of a ReLU whose input is within rounding error of 0 can differ
 *   between peers. A sample has millions of such inputs, so some gradients differ.
 */
export function checkEqual(name, ours, theirs, { tolerance = TOLERANCE, others = tolerance } = {}) {
  if (ours.shape.join() !== theirs.shape.join()) {
    throw new Error(`${name}: shape (${ours.shape}) here, (${theirs.shape}) there`);
  }
  const largest = theirs.data.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
  const apart = differences(ours, theirs).map((difference) => difference / largest);
  const one = apart.some((difference) => difference <= tolerance);
  if (one && apart.every((difference) => difference <= others)) return;
  throw new Error(
    `${name}: the samples' maps differ by ${apart.map((each) => each.toExponential(1)).join(', ')}`,
  );
}

/** Returns the largest difference of each sample, or NaN if a value of the sample is NaN. */
function differences({ shape: [samples], data }, other) {
  const size = data.length / samples;
  return Array.from({ length: samples }, (_, sample) => {
    const row = data.subarray(sample * size, (sample + 1) * size);
    return row.reduce((found, value, i) => {
      const difference = Math.abs(value - other.data[sample * size + i]);
      return difference <= found ? found : difference;
    }, 0);
  });
}

/**
 * Returns a row of rates. Each of `sides` is `{ of: OWN | PYTHON | ONNX, label?, job: async () => job }`. `metrics` are
 * further figures, derived from the rates.
 *
 * @param {{ equal?: readonly [number, number, object?][], extra?: () => Promise<object> }} row `equal`: pairs of sides
 *   whose maps must be equal, with the tolerances of `checkEqual`. `extra`: returns figures that are the same in every
 *   round; called once.
 */
export function against({ name, title, sides, metrics, equal = [], extra = async () => ({}) }) {
  const labels = sides.map(({ of, label }) => label ?? of.label);
  return {
    name,
    title,
    metrics: { ...Object.fromEntries(labels.map((label) => [label, RATE])), ...metrics },
    async open() {
      const jobs = [];
      for (const { of, job } of sides) jobs.push(await (await sharedPeer(of.start)).open(await job()));
      for (const [a, b, how] of equal) {
        checkEqual(name, await jobs[a].maps(), await jobs[b].maps(), how);
      }
      const found = await extra();
      return {
        async measure() {
          const rates = {};
          for (const [i, job] of jobs.entries()) rates[labels[i]] = await job.rate();
          return { ...rates, ...found };
        },
        async close() {},
      };
    },
  };
}

/** Returns the metric `a / b` of two rates. */
export const times = (a, b, target) => ({ ratio: [a, b], unit: 'x', better: 'higher', target });
