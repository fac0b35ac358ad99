/** Runs rows in interleaved rounds. To be imported when dist/ is built. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure, ROOT, step } from '../scripts/setup/process.mjs';
import { describeMachine } from './machine.mjs';
import { closePeers } from './peers/peer.mjs';
import { page, table } from './report.mjs';
import { ROWS } from './rows/index.mjs';

/** Prints every row's name and title. */
export function list() {
  for (const { name, title } of ROWS) console.log(`${name.padEnd(16)}${title}`);
}

/**
 * Measures, prints a table, writes build/bench/, and docs/benchmarks.md where every row was asked for.
 *
 * @param {{ rows?: readonly string[], rounds: number }} options `rows`: names; default: every row
 */
export async function bench({ rows, rounds }) {
  const found = await measure(rows === undefined ? ROWS : rows.map(rowOf), rounds);
  const report = { machine: await describeMachine(), date: new Date().toISOString(), rounds, ...found };
  writeJson(report);
  console.log(`\n${table(found.results)}\n`);
  if (rows === undefined) writeFileSync(path.join(ROOT, 'docs', 'benchmarks.md'), page(report));
}

function rowOf(name) {
  const row = ROWS.find((each) => each.name === name);
  if (row === undefined) {
    throw new Failure(`There is no row "${name}": ${ROWS.map((each) => each.name).join(', ')}.`);
  }
  return row;
}

/**
 * One measurement of every row after the other, `rounds` times: what slows the machine for a while slows all rows. A
 * first round is thrown away: it warms caches and compiles.
 */
async function measure(rows, rounds) {
  const open = [];
  const left = [];
  try {
    for (const row of rows) {
      step(`Preparing ${row.name}`);
      const opened = await openRow(row);
      if (opened.missing === undefined) open.push({ row, opened, measured: [] });
      else {
        console.log(`  left out: ${opened.missing}`);
        left.push({ title: row.title, missing: opened.missing });
      }
    }
    for (let round = 0; round <= rounds; round++) {
      step(round === 0 ? 'Warming up' : `Round ${round} of ${rounds}`);
      for (const { opened, measured } of open) {
        const values = await opened.measure();
        if (round > 0) measured.push(values);
      }
    }
  } finally {
    for (const { opened } of open) await opened.close();
    await closePeers();
  }
  const results = open.map(({ row: { name, title, metrics }, measured }) => ({
    name,
    title,
    metrics,
    measured,
  }));
  return { results, left };
}

/** A row that can be measured, or what it lacks on this machine. */
async function openRow(row) {
  try {
    return (await row.open()) ?? { missing: `it needs ${row.needs}` };
  } catch (error) {
    if (error instanceof Failure) return { missing: error.message };
    throw error;
  }
}

function writeJson(report) {
  const directory = path.join(ROOT, 'build', 'bench');
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `${report.date.replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  console.log(`Wrote ${path.relative(ROOT, file)}`);
}
