/**
 * `npm run test:property -- --runs N [--seed S]`: the property tests of hostile data, each property N times. Without
 * `--runs` as often as `npm test` does it. A property that fails tells its seed.
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
