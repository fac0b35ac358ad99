/** Runs rows in interleaved rounds. Import this file only after dist/ is built. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { untilAborted } from '../dist/support/signal.js';
import { Failure, ROOT, step } from '../scripts/setup/process.mjs';
import { unlessInterrupted } from './interruption.mjs';
import { describeMachine } from './machine.mjs';
import { closePeers } from './peers/peer.mjs';
import { listing, page, table } from './report.mjs';
import { ROWS } from './rows/index.mjs';

/** The exit code of a process that ends after Ctrl-C. */
const INTERRUPTED = 130;

/** Prints every row's name and title. */
export function list() {
  console.log(listing(ROWS));
}

/**
 * Measures rows, prints a table and writes build/bench/. If every row is selected, also writes docs/benchmarks.md.
 * Ctrl-C ends the measurement. The measurements so far are printed and written to build/bench/, marked as interrupted,
 * and the process ends with 130.
 *
 * @param {{ rows?: readonly string[], rounds: number }} options `rows`: names of rows; default: every row
 */
export async function bench({ rows, rounds }) {
  const measuring = new Measuring(rows === undefined ? ROWS : rows.map(rowOf), rounds);
  const finished = await unlessInterrupted((signal) => measuring.run(signal));
  const found = measuring.found();
  const date = new Date().toISOString();
  const report = { machine: await describeMachine(), date, rounds, interrupted: !finished, ...found };
  if (!finished) console.log(`\nInterrupted: ${measuring.done} of ${rounds} rounds are complete.`);
  if (finished || found.results.length > 0) {
    writeJson(report);
    console.log(`\n${table(found.results)}\n`);
  }
  // The abandoned measurement may run for minutes. Peers and workers end with this process.
  if (!finished) process.exit(INTERRUPTED);
  if (rows === undefined) writeFileSync(path.join(ROOT, 'docs', 'benchmarks.md'), page(report));
}

function rowOf(name) {
  const row = ROWS.find((each) => each.name === name);
  if (row === undefined) {
    throw new Failure(
      `There is no row "${name}". The rows are: ${ROWS.map((each) => each.name).join(', ')}.`,
    );
  }
  return row;
}

/**
 * Measures every row once per round, for `rounds` rounds. A temporary slowdown of the machine then affects all rows.
 * The first round warms caches and compiles, and its measurements are discarded.
 */
class Measuring {
  /** The number of rounds in which every row was measured. */
  done = 0;
  #rows;
  #rounds;
  #open = [];
  #left = [];

  constructor(rows, rounds) {
    this.#rows = rows;
    this.#rounds = rounds;
  }

  /** Throws as soon as `signal` is aborted. Keeps the measurements so far. */
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
      // After an abort, the abandoned measurement still uses the rows, so they cannot be closed.
      if (!signal.aborted) await this.#close();
    }
  }

  async #openRows(signal) {
    for (const row of this.#rows) {
      step(`Preparing ${row.name}`);
      const opened = await untilAborted(openRow(row), signal);
      if (opened.missing === undefined) this.#open.push({ row, opened, measured: [] });
      else {
        console.log(`  skipped: ${opened.missing}`);
        this.#left.push({ title: row.title, missing: opened.missing });
      }
    }
  }

  async #close() {
    for (const { opened } of this.#open) await opened.close();
    await closePeers();
  }

  /** Returns the rows that were measured at least once, and the other rows. */
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

/** Opens a row. Returns `{ missing }` with the reason if the row cannot be measured on this machine. */
async function openRow(row) {
  try {
    return (await row.open()) ?? { missing: `the row needs ${row.needs}` };
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
