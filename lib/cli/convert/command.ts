import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command } from 'commander';
import type { Model } from '../../model/model.js';
import { ModelError, nativeAsync } from '../../support/errors.js';
import { writeWholeBy } from '../../support/write_whole.js';
import { exitCodes, UsageError } from '../shared/failure.js';
import { interruptible } from '../shared/interrupt.js';
import { allowOpsOption, allowRandomOption, signatureOption } from '../shared/loading.js';
import { checkOutput } from '../shared/output.js';
import { type Terminal, writeLine } from '../shared/terminal.js';
import { withModel } from '../shared/with_model.js';

interface ConvertOptions {
  readonly signature?: string;
  readonly allowOps?: readonly string[];
  readonly allowRandom?: boolean;
}

const EXAMPLES = `
Examples:
  $ npx keras-explainable convert model.keras model.pb
  $ npx keras-explainable convert saved_model model.pb --signature serve
  $ npx keras-explainable layers --model model.pb                      # the same layers

Exit codes: 0 done, 1 the model cannot be loaded or written, 2 wrong arguments, 130 interrupted.`;

/** `keras-explainable convert`: writes any model that loads as a frozen GraphDef, the form that loads fastest. */
export function convertCommand(terminal: Terminal, done: (code: number) => void): Command {
  return new Command('convert')
    .description('Writes a model of any format as a frozen GraphDef (.pb) with the same layers and outputs.')
    .argument('<model>', 'the model: a path that the other commands take for --model')
    .argument('<out>', 'the file to write. A present file is replaced')
    .addOption(signatureOption())
    .addOption(allowOpsOption())
    .addOption(allowRandomOption())
    .addHelpText('after', EXAMPLES)
    .action((path: string, out: string, options: ConvertOptions) =>
      interruptible(terminal, done, async (signal) => {
        await checkOut(out);
        return withModel(path, options, signal, async (model) => {
          await writeFrozen(model, out);
          const { size } = await stat(out);
          const layers = model.layers.length;
          await writeLine(terminal.out, `${out}: ${size.toLocaleString('en')} bytes, ${layers} layers`);
          return exitCodes.success;
        });
      }),
    );
}

/** @throws UsageError if the file cannot be written, before the model is loaded. */
async function checkOut(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found !== undefined && !found.isFile()) {
    throw new UsageError(`<out>: expected the path of a file but '${out}' is none. Choose another path.`);
  }
  await checkOutput('<out>', dirname(out));
}

function writeFrozen(model: Model, path: string): Promise<void> {
  return writeWholeBy(path, (unfinished) =>
    nativeAsync(() => model.core.native.writeFrozen(unfinished), ModelError),
  );
}
