/**
 * `npm run bench`: sets the clone up and runs the benchmark. Writes the results to build/bench/ and, if every row is
 * selected, to docs/benchmarks.md.
 *
 *     npm run bench -- --list
 *     npm run bench -- --rows server,demo-8x16 --rounds 3
 *
 * Rows that compare with other libraries need Python 3.11, like the reference suite (scripts/reference/python.mjs).
 * Rows that compare with the Python library also need its sources, which are on no registry:
 * KERAS_EXPLAINABLE_PYTHON_SOURCES=<its checkout>/src. A row whose peer is unavailable is skipped, and the page lists
 * the row.
 */
import { parseArgs } from 'node:util';
import { Failure, main } from '../scripts/setup/process.mjs';
import { setup } from '../scripts/setup.mjs';

main(async () => {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      list: { type: 'boolean' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Failure('--rounds: expected a whole number of at least 1.');
  await setup();
  // The import must follow the set-up, because bench.mjs imports the files that the set-up builds.
  const { bench, list } = await import('./bench.mjs');
  if (values.list) list();
  else await bench({ rows: values.rows?.split(','), rounds });
});
