/** Rows that set this package against a peer, and itself in one job against itself in another. */
import { startOnnx } from '../peers/onnx.mjs';
import { startOwn } from '../peers/own.mjs';
import { sharedPeer } from '../peers/peer.mjs';
import { startPython } from '../peers/python.mjs';

export const OWN = { start: startOwn, label: 'here' };
export const PYTHON = { start: startPython, label: 'Python library' };
export const ONNX = { start: startOnnx, label: 'onnxruntime' };

export const RATE = { unit: 'samples/s', better: 'higher' };

/** Of the largest value that the other gives. */
const TOLERANCE = 1e-4;

/**
 * Throws where maps are not the same: no figure is to be of a wrong map.
 *
 * @param {{ tolerance?: number, others?: number }} how `others`: what samples may differ by as long as one is the same.
 * A ReLU whose input is within rounding of 0 has one gradient here and another there; of millions, a sample has some.
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

/** The largest of each sample; NaN where there is one. */
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
 * A row of rates: each of `sides` is `{ of: OWN | PYTHON | ONNX, label?, job: async () => job }`, and `metrics` what is
 * made of their rates beside the rates themselves.
 *
 * @param {{ equal?: readonly [number, number, object?][], extra?: () => Promise<object> }} row `equal`: two sides whose
 * maps must be the same, and how nearly (`checkEqual`); `extra`: figures that no round changes, found once
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

/** How many times the rate of `b` that of `a` is. */
export const times = (a, b, target) => ({ ratio: [a, b], unit: 'x', better: 'higher', target });
