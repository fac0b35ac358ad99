import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { integer } from '../shared/common_options.js';
import type { Terminal } from '../shared/terminal.js';
import { hostName, type WorkerOptions, workerDevices } from './options.js';
import { work } from './run.js';

const EXAMPLES = `
Examples:
  $ npx keras-explainable worker
  $ npx keras-explainable worker --port 2300 --host gpu-3.internal --devices 0,1
  $ npx keras-explainable explain --model saved_model --images 'photos/*.jpg' --out maps --workers gpu-3.internal:2300

TensorFlow's server has no credentials and listens on every address of the machine: use it in a private network, or
through a tunnel, only.

Exit codes: 0 ended by SIGTERM or Ctrl-C, 1 something failed, 2 wrong arguments.`;

/** `keras-explainable worker`: turns this process into a worker that computes for other processes. */
export function workerCommand(terminal: Terminal, done: (code: number) => void): Command {
  return new Command('worker')
    .description("Computes for other processes: TensorFlow's server, until it is ended.")
    .option('--port <n>', 'where it listens', integer(1, 65535), 2222)
    .option(
      '--host <name>',
      'the name by which clients reach this machine, for its output',
      hostName,
      'localhost',
    )
    .option(
      '--devices <list>',
      "what it may use: GPUs by number, as '0,2', or 'cpu', or 'cpu:2' for so many CPU devices (default: all)",
      workerDevices,
    )
    .option(
      '--threads <n>',
      'parts of batches that it computes at once, by default one for each core',
      integer(1, 1024),
      availableParallelism(),
    )
    .addHelpText('after', EXAMPLES)
    .action((options: WorkerOptions) => work(options, terminal, done));
}
