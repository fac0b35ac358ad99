#!/usr/bin/env node
import { run } from './program.js';

// A reader that closes the pipe early (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// TensorFlow's own log lines would tear the progress bar; what goes wrong comes back as errors.
if (!process.env.DEBUG) process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

process.exitCode = await run(process.argv.slice(2), { out: process.stdout, err: process.stderr });
