#!/usr/bin/env node
import { setImmediate } from 'node:timers/promises';
import { run } from './program.js';
import { exitCodes } from './shared/failure.js';
import { endInterrupted } from './shared/interrupt.js';
import { printableLines, writeLine } from './shared/terminal.js';

// A reader that closes the pipe early (`| head`) is not a failure. A full disk behind `> file` is a failure.
let unwritten: Error | null = null;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') unwritten ??= error;
  });
}

// A file above the limit of `ulimit -f` fails with an error of the write (EFBIG). The signal would otherwise end the
// process with a half-written file.
process.on('SIGXFSZ', () => {});

// TensorFlow's log lines would break the progress bar. Failures are returned as errors anyway.
if (!process.env.DEBUG) process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

// Node's own listener would add the process id, the code and a hint about Node's flags.
process.removeAllListeners('warning');
process.on('warning', (warning: Error & { readonly code?: string }) => {
  // The summary counts these maps.
  if (warning.code === 'CONSTANT_MAPS') return;
  const text =
    warning.name === 'KerasExplainableWarning' ? warning.message : `${warning.name}: ${warning.message}`;
  writeLine(process.stderr, `warning: ${printableLines(text)}`).catch(() => {});
});

process.exitCode = await run(process.argv.slice(2), { out: process.stdout, err: process.stderr });
// Writes of help and usage are not awaited, and streams report their errors a little later.
await setImmediate();
if (unwritten !== null && process.exitCode === exitCodes.success) {
  await writeLine(
    process.stderr,
    `error: the output cannot be written: ${(unwritten as Error).message}`,
  ).catch(() => {});
  process.exitCode = exitCodes.failure;
}
if (process.exitCode === exitCodes.interrupted) endInterrupted();
