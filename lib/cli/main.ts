#!/usr/bin/env node
import { exitCodes } from './failure.js';
import { endInterrupted } from './interrupt.js';
import { run } from './program.js';

// A reader that closes the pipe early (`| head`) is no failure of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// TensorFlow's own log lines would tear the progress bar; what goes wrong comes back as errors.
if (!process.env.DEBUG) process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

process.exitCode = await run(process.argv.slice(2), { out: process.stdout, err: process.stderr });
if (process.exitCode === exitCodes.interrupted) endInterrupted();
