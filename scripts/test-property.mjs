/**
 * `npm run test:property -- --runs N [--seed S]`: runs each property test of hostile data N times. Without `--runs`,
 * the number of runs is the number in `npm test`. A failed property prints its seed.
 */
import { parseArgs } from 'node:util';
import { main } from './setup/process.mjs';
import { vitest } from './setup/vitest.mjs';

main(async () => {
  const { values, positionals } = parseArgs({
    options: { runs: { type: 'string' }, seed: { type: 'string' } },
    allowPositionals: true,
  });
  for (const [name, value] of Object.entries(values)) {
    if (!/^-?\d+$/.test(value))
      throw new Error(`Expected a whole number for --${name} but received '${value}'.`);
  }
  if (values.runs !== undefined) process.env.FAST_CHECK_RUNS = values.runs;
  if (values.seed !== undefined) process.env.FAST_CHECK_SEED = values.seed;
  const files = positionals.length > 0 ? positionals : ['property_'];
  return vitest(['run', '--project', 'integration', ...files]);
});
