#!/usr/bin/env node
import { setImmediate } from 'node:timers/promises';
import { run } from './program.js';
import { exitCodes } from './shared/failure.js';
import { endInterrupted } from './shared/interrupt.js';
import { writeLine } from './shared/terminal.js';

// A reader that closes the pipe early (`| head`) is no failure of ours; a full disk behind `> file` is one.
let unwritten: Error | null = null;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') unwritten ??= error;
  });
}

// A file larger than `ulimit -f` allows is an error of its write (EFBIG), not the end of the process with it
// half-written.
process.on('SIGXFSZ', () => {});

// TensorFlow's own log lines would tear the progress bar; what goes wrong comes back as errors.
if (!process.env.DEBUG) process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

process.exitCode = await run(process.argv.slice(2), { out: process.stdout, err: process.stderr });
// Nobody waits for help and usage to be written; streams tell of their errors a little later.
await setImmediate();
if (unwritten !== null && process.exitCode === exitCodes.success) {
  await writeLine(
    process.stderr,
    `error: the output cannot be written: ${(unwritten as Error).message}`,
  ).catch(() => {});
  process.exitCode = exitCodes.failure;
}
if (process.exitCode === exitCodes.interrupted) endInterrupted();
