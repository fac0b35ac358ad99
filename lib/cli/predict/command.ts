import { Command } from 'commander';
import { BATCH_SIZE_DEFAULT } from '../shared/batch_size.js';
import { imageSize, integer, preprocessing } from '../shared/common_options.js';
import { interruptible } from '../shared/interrupt.js';
import { MODEL_PATH, withLoadFlags } from '../shared/loading.js';
import type { Terminal } from '../shared/terminal.js';
import type { PredictFlags } from './options.js';
import { predict } from './run.js';

const EXAMPLES = `
Examples:
  $ npx keras-explainable predict --model saved_model --images 'photos/*.jpg' --labels labels.txt
  $ npx keras-explainable predict --model resnet50v2 --images cat.jpg --preprocess tf --top 5 --json
  $ npx keras-explainable predict --model saved_model --inputs x.npy --json > outputs.jsonl

Exit codes: 0 done, 1 something failed (what could be done is done), 2 wrong arguments, 130 interrupted.`;

/** `keras-explainable predict`: prints the class scores of pictures, or the model's outputs for arrays. */
export function predictCommand(terminal: Terminal, done: (code: number) => void): Command {
  const command = new Command('predict')
    .description('Prints what a model says of pictures, or of arrays of numbers.')
    .requiredOption('--model <path>', MODEL_PATH)
    .option(
      '--images <pattern...>',
      "JPEG, PNG, GIF or BMP files: a quoted glob, as 'photos/*.jpg', or paths",
    )
    .option('--inputs <file>', "instead: the model's input as NumPy wrote it, .npy, or .npz by input name")
    .option('--labels <file>', 'class names: one a line, or JSON')
    .option('--top <n>', 'print the n classes of the highest score', integer(1), 3)
    .option(
      '--batch-size <n>',
      `pictures, or rows of arrays, at once ${BATCH_SIZE_DEFAULT}`,
      integer(1, 4096),
    )
    .option(
      '--preprocess <mode>',
      'none, unit, tf, torch or caffe: how pixels become inputs (default: none)',
      preprocessing,
    )
    .option('--size <size>', "the input size, as '224' or '224x320', of a model that takes any", imageSize)
    .option('--json', 'print a JSON object a line instead of text; of --inputs, all outputs', false);
  return withLoadFlags(command)
    .addHelpText('after', EXAMPLES)
    .action((options: PredictFlags) =>
      interruptible(terminal, done, (signal) => predict(options, terminal, signal)),
    );
}
