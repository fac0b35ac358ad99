/** The Python library's committed maps: they agree with ours and with the tape's, so that both truths are one. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../lib/index.js';
import { logitsError, mapError, TOLERANCE } from './agreement.js';
import type { ErrorTable } from './error_table.js';
import { committed, exposed, type Network } from './network.js';
import { rows, takeUnits, thinned, type Values } from './tensors.js';

/** The unit whose maps in the size of the input are committed, and of these every third row and column. */
const UNIT = 4;
const THIN = 3;

const OF_ACTIVATIONS = { gradcam: ke.gradcam, gradcampp: ke.gradcampp, cam: ke.cam } as const;
const OF_INPUTS = { gradients: ke.gradients, full_gradients: ke.fullGradients } as const;

/**
 * What the library gives for a method and these units (none: all), for the first samples of a batch; nothing where it
 * is not committed. Maps of inputs are there for the first sample and one unit.
 */
export function libraryMaps(name: string, method: string, units: number[][] | undefined): Values | undefined {
  if (Object.hasOwn(OF_ACTIVATIONS, method)) {
    const maps = committed(`${name}/${method}`);
    return units === undefined ? maps : takeUnits(maps, units);
  }
  const isCommitted = units?.[0]?.length === 1 && units[0][0] === UNIT;
  return isCommitted && Object.hasOwn(OF_INPUTS, method) ? committed(`${name}/${method}`) : undefined;
}

/** Declares the tests that the library's maps are the tape's, and that its normalised ones are ours. */
export function describeLibrary(name: string, network: () => Network, table: ErrorTable): void {
  const theirs = (array: string) => committed(`${name}/${array}`);

  describe('the Python library', () => {
    test('its raw maps are those of tf.GradientTape', () => {
      const { expected, about } = network();
      expect(logitsError(expected('logits'), theirs('logits'))).toBeLessThan(TOLERANCE);
      for (const method of Object.keys(OF_ACTIVATIONS)) {
        if (method === 'cam' && !about.hasCam) continue;
        expect(mapError(expected(method), theirs(method)), method).toBeLessThan(TOLERANCE);
      }
      for (const method of Object.keys(OF_INPUTS)) {
        const first = takeUnits(rows(expected(method), 0, 1), [[UNIT]]);
        expect(mapError(first, theirs(method)), method).toBeLessThan(TOLERANCE);
      }
    });

    test.each(Object.entries(OF_INPUTS))('%s, normalised', async (method, shortcut) => {
      await checkNormalised(method, shortcut, network().model, UNIT);
    });

    test.each(Object.entries(OF_ACTIVATIONS))('%s, normalised', async (method, shortcut) => {
      if (method === 'cam' && !network().about.hasCam) return;
      const [shown] = theirs('shown_unit').data as Int32Array;
      await checkNormalised(method, shortcut, exposed(network()), shown as number);
    });

    /** The last sample's map, as the shortcut gives it: normalised, and in the size of the input. */
    async function checkNormalised(
      method: string,
      shortcut: typeof ke.gradcam | typeof ke.gradients,
      view: ke.Model,
      unit: number,
    ): Promise<void> {
      const inputs = network().expected('inputs');
      const samples = inputs.shape[0] as number;
      const { data, shape } = rows(inputs, samples - 1, samples);
      const { maps } = await shortcut(view, ke.tensor(data, shape), [[unit]], { verbose: 0 });
      const error = mapError(thinned(maps as Values, THIN), theirs(`${method}_shortcut`));
      expect(table.note(name, 'normalised', error)).toBeLessThan(TOLERANCE);
    }
  });
}
