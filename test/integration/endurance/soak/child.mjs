/**
 * One scenario in this process, whose memory is sampled a hundred times; writes a line of JSON and ends by itself.
 *
 *     node --expose-gc test/integration/endurance/soak/child.mjs 'small calls' [--count 1000] [--seed 3] [--exits]
 *
 * Interrupted, it ends as Node lets it, by the signal; with `--exits`, by `process.exit(130)`, as services do.
 */
import { parseArgs } from 'node:util';
import { Meter } from './meter.mjs';
import { ke } from './models.mjs';
import { randomFrom } from './random.mjs';
import { SCENARIOS } from './scenarios.mjs';

const SAMPLES = 100;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    exits: { type: 'boolean', default: false },
  },
});
const [name] = positionals;
const scenario = SCENARIOS[name];
if (scenario === undefined) throw new Error(`No scenario "${name}": ${Object.keys(SCENARIOS).join(', ')}.`);
const count = Number(values.count ?? scenario.count);

const meter = new Meter(ke);
const { step, end } = await scenario.begin({ random: randomFrom(Number(values.seed)) });
if (values.exits) process.once('SIGINT', () => process.exit(130));
process.stderr.write('begun\n');
const begun = performance.now();
for (let done = 0, i = 0; done < count; i++) {
  done += await step(i);
  if (meter.series.rss.length < Math.floor((done / count) * SAMPLES)) await meter.sample();
}
const seconds = (performance.now() - begun) / 1000;
await end();
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({ name, count, seconds, cpuSeconds: (user + system) / 1e6, series: meter.series }),
);
