/** Files with recurrent layers, attention and operations, of both Kerases and in both formats. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { difference } from '../helpers/control_flow.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/keras_sequence_files/', import.meta.url));

interface Truth {
  readonly inputs: number[][][];
  readonly outputs: number[][][];
}

const FILES = ['layers', 'operations'].flatMap((name) =>
  ['k2', 'k3'].flatMap((version) => ['keras', 'h5'].map((format) => [`${name}_${version}`, format] as const)),
);

test.each(FILES)('%s.%s loads and predicts as Keras', async (stem, format) => {
  const truth = JSON.parse(readFileSync(`${FOLDER}${stem}.json`, 'utf8')) as Truth;
  const model = await ke.loadModel(`${FOLDER}${stem}.${format}`);
  try {
    const inputs = truth.inputs.map((each) => ke.tensor(each));
    const outputs = await model.predict(inputs.length === 1 ? (inputs[0] as ke.Tensor) : inputs);
    const all = Array.isArray(outputs) ? (outputs as ke.Tensor[]) : [outputs as ke.Tensor];
    expect(all.length).toBe(truth.outputs.length);
    for (const [i, output] of all.entries()) {
      expect(difference(output, ke.tensor(truth.outputs[i] as number[][]))).toBeLessThan(1e-6);
    }
  } finally {
    await model.close();
  }
});
