import { Command, Option } from 'commander';
import { imageSize, integer } from '../shared/common_options.js';
import { interruptible } from '../shared/interrupt.js';
import { MODEL_PATH, withLoadFlags } from '../shared/loading.js';
import { VOCABULARY } from '../shared/methods/vocabulary.js';
import type { Terminal } from '../shared/terminal.js';
import { type BenchOptions, batchSizes, duration } from './options.js';
import { bench } from './run.js';

const EXAMPLES = `
Examples:
  $ npx keras-explainable bench --model saved_model
  $ npx keras-explainable bench --model resnet50v2 --method scorecam --batch-size 1 --seconds 10
  $ npx keras-explainable bench --model saved_model --threads 1 --json

Exit codes: 0 done, 1 something failed, 2 wrong arguments, 130 interrupted.`;

/** `keras-explainable bench`: measures the speed of predictions and explanations on this machine. */
export function benchCommand(terminal: Terminal, done: (code: number) => void): Command {
  const command = new Command('bench')
    .description('Measures how fast a model predicts and explains on this machine.')
    .requiredOption('--model <path>', MODEL_PATH)
    .option(
      '--method <name>',
      `${VOCABULARY.names.join(', ')}; with ${VOCABULARY.endings} after it`,
      VOCABULARY.parseSingle,
      'gradcam',
    )
    .option('--layer <name>', 'the layer whose activations are explained by; nested: outer/inner')
    .addOption(
      new Option('--batch-size <list>', 'samples at once, several sizes with commas')
        .argParser(batchSizes)
        .default([1, 8], '1,8'),
    )
    .option('--seconds <n>', 'how long each call is measured, at each batch size', duration, 3)
    .option('--size <size>', "the input size, as '224' or '224x320', of a model that takes any", imageSize)
    .option(
      '--threads <n>',
      'parts of a batch that are computed at once (default: the cores)',
      integer(1, 1024),
    )
    .option('--json', 'print a JSON object a line instead of a table', false);
  return withLoadFlags(command)
    .addHelpText('after', EXAMPLES)
    .action((options: BenchOptions) =>
      interruptible(terminal, done, (signal) => bench(options, terminal, signal)),
    );
}
