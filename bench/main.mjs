/**
 * `npm run bench`: makes the clone ready and measures. Writes what it found to build/bench/ and, where every row was
 * asked for, to docs/benchmarks.md.
 *
 *     npm run bench -- --list
 *     npm run bench -- --rows server,demo-8x16 --rounds 3
 *
 * Rows that compare with others need Python 3.11, as the reference suite (scripts/reference/python.mjs), and those
 * against the Python library its sources, which no registry has: KERAS_EXPLAINABLE_PYTHON_SOURCES=<its checkout>/src. A
 * row whose peer cannot be had is left out, and the page says so.
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
  // What it measures is what the set-up has built.
  const { bench, list } = await import('./bench.mjs');
  if (values.list) list();
  else await bench({ rows: values.rows?.split(','), rounds });
});
