/** Runs scenarios in processes of their own, and says what is wrong with what they found. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { growth, quarter } from './meter.mjs';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));
/** Of what is in use in the second quarter of a run. */
const MOST_GROWTH = 0.02;
/**
 * From the last line of a process, which has closed all that it opened, to its end; TensorFlow's own takes half of it.
 */
const MOST_SECONDS_TO_END = 5;

/** Begins `name`: `begun` is kept when its first step is, `ended` when the process has gone. Neither fails. */
export function start(name, args = []) {
  const child = spawn(process.execPath, ['--expose-gc', CHILD, name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  let reported = null;
  let resolve;
  const begun = new Promise((fulfil) => {
    resolve = fulfil;
  });
  child.stdout.setEncoding('utf8').on('data', (block) => {
    text.out += block;
    reported = performance.now();
  });
  child.stderr.setEncoding('utf8').on('data', (block) => {
    text.err += block;
    if (text.err.includes('begun\n')) resolve();
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    resolve();
    const report = text.out === '' ? null : JSON.parse(text.out);
    const secondsToEnd = reported === null ? null : (performance.now() - reported) / 1000;
    return { name, code, signal, report, secondsToEnd, err: text.err };
  });
  return { child, begun, ended };
}

/** What is wrong, in words; nothing where all is well. */
export function faults({ code, signal, report, secondsToEnd, err }) {
  if (report === null || code !== 0) return [`it ended with ${code ?? signal}: ${err.slice(-2000)}`];
  const wrong = [];
  const { series } = report;
  for (const name of ['rss', 'external', 'arrayBuffers', 'live']) {
    const before = quarter(series[name], 1);
    if (growth(series[name]) > MOST_GROWTH * before) {
      wrong.push(`${name} grew from ${before.toFixed(2)} to ${quarter(series[name], 3).toFixed(2)} MB`);
    }
  }
  for (const name of ['threads', 'files']) {
    if (growth(series[name]) > 0) {
      wrong.push(`${name} grew from ${quarter(series[name], 1)} to ${quarter(series[name], 3)}`);
    }
  }
  if (secondsToEnd > MOST_SECONDS_TO_END) {
    wrong.push(`something held the process for ${secondsToEnd.toFixed(1)} s`);
  }
  return wrong;
}

/** Sends SIGINT when the scenario has run for so long; how the process ended, and after how many seconds. */
export async function interrupt(name, milliseconds, { exits = false, seed = '1' } = {}) {
  const { child, begun, ended } = start(name, ['--seed', seed, ...(exits ? ['--exits'] : [])]);
  await begun;
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  const sent = performance.now();
  child.kill('SIGINT');
  const { code, signal, err } = await ended;
  return { code, signal, err, seconds: (performance.now() - sent) / 1000 };
}
