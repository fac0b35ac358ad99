/** The scores of the server example for models that end in a softmax or a sigmoid. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '../helpers/cli_process.js';

/** Explains a grey picture in a process of its own, and prints the scores and the model's output. */
const SCRIPT = `
import * as ke from 'keras-explainable';
import { openExplanations } from './examples/server/explanations.mjs';
const model = process.argv[1];
const options = { model, preprocess: 'unit', maxPixels: 1e6, maxBatchSize: 1, maxDelayMs: 0, maxQueueSize: 4 };
const explanations = await openExplanations(options);
const png = await ke.image.encodePng(ke.tensor(new Uint8Array(192).fill(51), [1, 8, 8, 3]));
const { classes } = await explanations.explain(png, { top: 3, alpha: 0.5 });
await explanations.close();
const own = await ke.loadModel(model);
const output = await own.predict(ke.tensor(new Float32Array(192).fill(0.2), [1, 8, 8, 3]));
console.log(JSON.stringify({ classes, output: [...output.data] }));
`;

test.each(['keras3-softmax', 'keras2-softmax_layer', 'keras3-sigmoid'])(
  "the scores are the model's own probabilities: %s",
  async (name) => {
    const args = ['--input-type=module', '-e', SCRIPT, `test/fixtures/heads/${name}`];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    const { classes, output } = JSON.parse(stdout) as {
      classes: { unit: number; score: number }[];
      output: number[];
    };
    expect(classes).toHaveLength(output.length);
    for (const { unit, score } of classes) expect(score).toBeCloseTo(output[unit] as number, 5);
  },
);
