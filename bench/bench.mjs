/** Runs rows in interleaved rounds. To be imported when dist/ is built. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { untilAborted } from '../dist/support/signal.js';
import { Failure, ROOT, step } from '../scripts/setup/process.mjs';
import { unlessInterrupted } from './interruption.mjs';
import { describeMachine } from './machine.mjs';
import { closePeers } from './peers/peer.mjs';
import { listing, page, table } from './report.mjs';
import { ROWS } from './rows/index.mjs';

/** The exit code of a process that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Prints every row's name and title. */
export function list() {
  console.log(listing(ROWS));
}

/**
 * Measures, prints a table, writes build/bench/, and docs/benchmarks.md where every row was asked for. Ctrl-C ends the
 * measuring: what was measured until then is printed and written to build/bench/, marked as interrupted, and the
 * process ends with 130.
 *
 * @param {{ rows?: readonly string[], rounds: number }} options `rows`: names; default: every row
 */
export async function bench({ rows, rounds }) {
  const measuring = new Measuring(rows === undefined ? ROWS : rows.map(rowOf), rounds);
  const finished = await unlessInterrupted((signal) => measuring.run(signal));
  const found = measuring.found();
  const date = new Date().toISOString();
  const report = { machine: await describeMachine(), date, rounds, interrupted: !finished, ...found };
  if (!finished) console.log(`\nInterrupted: ${measuring.done} of ${rounds} rounds are whole.`);
  if (finished || found.results.length > 0) {
    writeJson(report);
    console.log(`\n${table(found.results)}\n`);
  }
  // The measurement that was given up may be under way for minutes. Peers and workers end with this process.
  if (!finished) process.exit(INTERRUPTED);
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
class Measuring {
  /** Rounds in which every row was measured. */
  done = 0;
  #rows;
  #rounds;
  #open = [];
  #left = [];

  constructor(rows, rounds) {
    this.#rows = rows;
    this.#rounds = rounds;
  }

  /** Throws as soon as `signal` is aborted. What was measured until then stays. */
  async run(signal) {
    try {
      await this.#openRows(signal);
      for (let round = 0; round <= this.#rounds; round++) {
        step(round === 0 ? 'Warming up' : `Round ${round} of ${this.#rounds}`);
        for (const { opened, measured } of this.#open) {
          const values = await untilAborted(opened.measure(), signal);
          if (round > 0) measured.push(values);
        }
        this.done = round;
      }
    } finally {
      // Nothing can be closed while the measurement that was given up uses it.
      if (!signal.aborted) await this.#close();
    }
  }

  async #openRows(signal) {
    for (const row of this.#rows) {
      step(`Preparing ${row.name}`);
      const opened = await untilAborted(openRow(row), signal);
      if (opened.missing === undefined) this.#open.push({ row, opened, measured: [] });
      else {
        console.log(`  left out: ${opened.missing}`);
        this.#left.push({ title: row.title, missing: opened.missing });
      }
    }
  }

  async #close() {
    for (const { opened } of this.#open) await opened.close();
    await closePeers();
  }

  /** The rows that were measured at least once, and those that were not. */
  found() {
    const results = [];
    const left = [...this.#left];
    for (const { row, measured } of this.#open) {
      const { name, title, metrics } = row;
      if (measured.length > 0) results.push({ name, title, metrics, measured });
      else left.push({ title, missing: 'the run was interrupted' });
    }
    return { results, left };
  }
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
