import { Command } from 'commander';
import { COLORMAPS } from '../../image/colormap.js';
import { BATCH_SIZE_DEFAULT } from '../shared/batch_size.js';
import {
  colormap,
  fraction,
  imageSize,
  integer,
  oneOf,
  pngFile,
  preprocessing,
  unitList,
} from '../shared/common_options.js';
import { interruptible } from '../shared/interrupt.js';
import { MODEL_PATH, withLoadFlags } from '../shared/loading.js';
import type { Activation } from '../shared/methods/exposed.js';
import { type MethodVocabulary, VOCABULARY } from '../shared/methods/vocabulary.js';
import type { Terminal } from '../shared/terminal.js';
import type { ExplainFlags } from './options.js';
import { explainPictures } from './run.js';

const EXAMPLES = `
Examples:
  $ npx keras-explainable explain --model saved_model --images 'photos/*.jpg' --out maps
  $ npx keras-explainable explain --model resnet50v2 --images cat.jpg dog.png --out maps \\
      --preprocess tf --labels imagenet_class_index.json --top 3
  $ npx keras-explainable explain --model saved_model --images 'photos/**/*.png' --out maps \\
      --method gradients --units 1,2 --json
  $ npx keras-explainable explain --model saved_model --images 'photos/*.jpg' --out compared --method all

Exit codes: 0 done, 1 something failed (what could be done is done), 2 wrong arguments, 130 interrupted.`;

/**
 * `keras-explainable explain`: writes overlays and a page that show the evidence for a model's predictions.
 *
 * @param vocabulary the available methods.
 */
export function explainCommand(
  terminal: Terminal,
  done: (code: number) => void,
  vocabulary: MethodVocabulary = VOCABULARY,
): Command {
  const command = new Command('explain')
    .description('Explains the predictions of a model for pictures, and writes overlays and index.html.')
    .requiredOption('--model <path>', MODEL_PATH)
    .requiredOption(
      '--images <pattern...>',
      "JPEG, PNG, GIF or BMP files: a quoted glob, as 'photos/*.jpg', or paths",
    )
    .requiredOption('--out <dir>', 'where index.html and the overlays go')
    .option(
      '--method <name>',
      `${vocabulary.names.join(', ')}; with ${vocabulary.endings} after it, as gradcam_smooth; or all: compares them`,
      vocabulary.parse,
      'gradcam',
    )
    .option('--top <n>', 'explain the n classes of the highest score', integer(1), 1)
    .option('--units <list>', "explain these classes instead, as '1,2'", unitList)
    .option('--layer <name>', 'the layer whose activations are explained by; nested: outer/inner')
    .option(
      '--activation <kind>',
      'linear: explain what enters a final softmax or sigmoid; keep: explain its probabilities',
      oneOf<Activation>(['linear', 'keep']),
      'linear',
    );
  vocabulary
    .addFlags(command)
    .option('--labels <file>', 'class names: one a line, or JSON')
    .option('--boxes <file>', 'boxes, as {"picture.png": [x0, y0, x1, y1]}: plays the pointing game')
    .option('--batch-size <n>', `pictures in memory at once ${BATCH_SIZE_DEFAULT}`, integer(1, 4096))
    .option(
      '--preprocess <mode>',
      'none, unit, tf, torch or caffe: how pixels become inputs',
      preprocessing,
      'none',
    )
    .option('--size <size>', "the input size, as '224' or '224x320', of a model that takes any", imageSize)
    .option('--alpha <share>', "the map's share of each pixel, from 0 to 1", fraction, 0.5)
    .option('--colormap <name>', COLORMAPS.join(', '), colormap, 'turbo')
    .option(
      '--sheet <file>',
      'also a PNG of the first pictures above their maps (all: OUT/methods.png)',
      pngFile,
    )
    .option('--json', 'print a JSON object a line instead of text', false);
  return withLoadFlags(command)
    .addHelpText('after', EXAMPLES)
    .action((given: Omit<ExplainFlags, 'settings'>) => {
      const options = { ...given, settings: vocabulary.settingsOf(command) };
      return interruptible(terminal, done, (signal) =>
        explainPictures(options, terminal, signal, vocabulary),
      );
    });
}
