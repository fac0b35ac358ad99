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

/** Throws where maps are not the same: no figure is to be of a wrong map. */
export function checkEqual(name, ours, theirs, tolerance = TOLERANCE) {
  if (ours.shape.join() !== theirs.shape.join()) {
    throw new Error(`${name}: shape (${ours.shape}) here, (${theirs.shape}) there`);
  }
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < theirs.data.length; i++) {
    largest = Math.max(largest, Math.abs(theirs.data[i]));
    // Not `Math.max`: where one is NaN it says so.
    const difference = Math.abs(ours.data[i] - theirs.data[i]);
    if (!(difference <= apart)) apart = difference;
  }
  if (!(apart <= tolerance * largest)) throw new Error(`${name}: maps differ by ${apart} of ${largest}`);
}

/**
 * A row of rates: each of `sides` is `{ of: OWN | PYTHON | ONNX, label?, job: async () => job }`, and `metrics` what is
 * made of their rates beside the rates themselves.
 *
 * @param {{ equal?: readonly [number, number, number?][], extra?: () => Promise<object> }} row `equal`: two sides whose maps must
 *   be the same, and how nearly; `extra`: figures that no round changes, found once
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
      for (const [a, b, tolerance] of equal) {
        checkEqual(name, await jobs[a].maps(), await jobs[b].maps(), tolerance);
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
