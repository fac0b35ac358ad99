/** The tests of one version of Keras, and the file of outcomes that scripts/test-layers.mjs makes the table of. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../lib/index.js';
import { type Case, casesOf, type KerasVersion, type Outcomes, outcomesOf } from './case.js';

const RESULTS = path.join(fileURLToPath(new URL('../..', import.meta.url)), 'build', 'layers', 'outcomes');

/** Declares a test for each case. A test fails where a number is wrong; a refusal is an entry of the table. */
export function describeLayers(keras: KerasVersion): void {
  const kernels = process.env.TF_ENABLE_ONEDNN_OPTS === '0' ? 'eigen' : 'onednn';
  const found: (Case & { outcomes: Outcomes })[] = [];
  let workers: ke.distribute.LocalWorkers;

  beforeAll(async () => {
    workers = await ke.distribute.localWorkers(1, { threads: 1 });
  });
  afterAll(async () => {
    await workers?.close();
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(path.join(RESULTS, `${keras}-${kernels}.json`), JSON.stringify(found, null, 1));
  });

  describe(`${keras}, ${kernels}`, () => {
    const built = casesOf(keras).filter(({ error }) => error === undefined);
    test.each(built)('$class $options', async (each) => {
      const outcomes = await outcomesOf(keras, each, workers);
      found.push({ ...each, outcomes });
      const wrong = Object.entries(outcomes).filter(([, outcome]) => outcome.startsWith('wrong'));
      expect(Object.fromEntries(wrong)).toEqual({});
    });
  });
}
