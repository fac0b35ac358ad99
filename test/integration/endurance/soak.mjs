/**
 * Everything that a service does for months, in minutes: each scenario of `soak/` in a process of its own, whose
 * memory, threads and files must stay as they are; and what SIGINT makes of each.
 *
 *     npm run test:soak                                   # all of it, two at once
 *     npm run test:soak -- --only 'small calls' --times 3
 *     npm run test:soak -- --interrupts 20                # and no run to its end
 *
 * Prints a table, and a line of JSON for each scenario with all samples to `build/soak/`. Exits with 1 where something
 * grew.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { growth, quarter } from './soak/meter.mjs';
import { faults, interrupt, start } from './soak/parent.mjs';
import { randomFrom } from './soak/random.mjs';

const { SCENARIOS } = await import('./soak/scenarios.mjs');
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: Object.keys(SCENARIOS) },
    times: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    jobs: { type: 'string', default: '2' },
    interrupts: { type: 'string' },
  },
});
const random = randomFrom(Number(values.seed));
const OUT = fileURLToPath(new URL('../../../build/soak', import.meta.url));
mkdirSync(OUT, { recursive: true });

const COLUMNS = ['rss', 'anonymous', 'heap', 'external', 'live', 'threads', 'files'];
let failed = 0;

async function run(name, count) {
  const ended = await start(name, ['--seed', String(Number(values.seed) + count)]).ended;
  const wrong = faults(ended);
  const { report, secondsToEnd } = ended;
  if (report !== null) {
    const { series, seconds, cpuSeconds } = report;
    writeFileSync(path.join(OUT, `${name.replaceAll(' ', '-')}.json`), JSON.stringify(report));
    const of = (key) =>
      [0, 1, 2, 3].map((i) => quarter(series[key], i).toFixed(key === 'threads' || key === 'files' ? 0 : 1));
    const share = (100 * growth(series.rss)) / quarter(series.rss, 1);
    console.log(
      `${name}: ${report.count} in ${seconds.toFixed(0)} s (${cpuSeconds.toFixed(0)} s of CPU), gone ` +
        `${secondsToEnd.toFixed(1)} s after that; rss ${share >= 0 ? '+' : ''}${share.toFixed(2)} %`,
    );
    for (const key of COLUMNS) console.log(`  ${key.padEnd(10)} ${of(key).join('  ')}`);
  }
  failed += wrong.length;
  for (const each of wrong) console.log(`  WRONG: ${name}: ${each}`);
}

async function interrupted(name, exits) {
  const { code, signal, seconds, err } = await interrupt(name, random.between(0, 3000), { exits });
  const clean = exits ? code === 130 : signal === 'SIGINT';
  if (clean && seconds < 5) return seconds;
  failed += 1;
  console.log(
    `  WRONG: ${name}: SIGINT ended it with ${code ?? signal} after ${seconds.toFixed(1)} s\n${err}`,
  );
  return seconds;
}

async function interruptAll(name) {
  for (const exits of [false, true]) {
    const seconds = [];
    for (let i = 0; i < Number(values.interrupts); i++) seconds.push(await interrupted(name, exits));
    const most = Math.max(...seconds).toFixed(2);
    console.log(
      `${name}: ${seconds.length} times SIGINT${exits ? ', left by exit' : ''}: gone within ${most} s`,
    );
  }
}

console.log(`seed ${values.seed}; medians of the four quarters, in MB`);
const waiting = values.only.flatMap((name) =>
  values.interrupts === undefined
    ? Array.from({ length: Number(values.times) }, (_, i) => () => run(name, i))
    : [() => interruptAll(name)],
);
const work = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
};
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
process.exitCode = failed > 0 ? 1 : 0;
