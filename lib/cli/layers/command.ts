import { Command } from 'commander';
import type { Model } from '../../model/model.js';
import { nearNames } from '../../support/arguments.js';
import { exitCodes, UsageError } from '../shared/failure.js';
import { interruptible } from '../shared/interrupt.js';
import { allowOpsOption, allowRandomOption, MODEL_PATH, signatureOption } from '../shared/loading.js';
import { type Terminal, writeJson, writeLine } from '../shared/terminal.js';
import { withModel } from '../shared/with_model.js';
import { factsOf, type LayerFacts } from './facts.js';
import { layersTable, summaryLines } from './table.js';

interface LayersOptions {
  readonly model: string;
  readonly filter?: string;
  readonly signature?: string;
  readonly allowOps?: readonly string[];
  readonly allowRandom?: boolean;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  $ npx keras-explainable layers --model saved_model
  $ npx keras-explainable layers --model resnet50v2 --filter relu
  $ npx keras-explainable layers --model saved_model --json > layers.json

Exit codes: 0 done, 1 the model cannot be loaded, 2 wrong arguments, 130 interrupted.`;

/** `keras-explainable layers`: shows the model like `model.summary()`, and the layers that are explained by default. */
export function layersCommand(terminal: Terminal, done: (code: number) => void): Command {
  return new Command('layers')
    .description(
      'Lists the layers of a model as model.summary() does, and marks what is explained by default.',
    )
    .requiredOption('--model <path>', MODEL_PATH)
    .option('--filter <text>', 'only layers whose path or type has this in it, in any case')
    .addOption(signatureOption())
    .addOption(allowOpsOption())
    .addOption(allowRandomOption())
    .option('--json', 'print one JSON document instead of a table', false)
    .addHelpText('after', EXAMPLES)
    .action((options: LayersOptions) =>
      interruptible(terminal, done, (signal) => {
        const { model: path, signature, allowOps, allowRandom } = options;
        return withModel(path, { signature, allowOps, allowRandom }, signal, async (model) => {
          await printLayers(model, options, terminal);
          return exitCodes.success;
        });
      }),
    );
}

async function printLayers(model: Model, { filter, json }: LayersOptions, { out }: Terminal): Promise<void> {
  const facts = factsOf(model);
  const layers = filter === undefined ? facts.layers : filterLayers(facts.layers, filter);
  if (json) return writeJson(out, { ...facts, layers });
  if (layers.length > 0) await writeLine(out, layersTable(out, layers));
  for (const line of summaryLines(facts, layers.length)) await writeLine(out, line);
}

/** @throws UsageError if there is no such layer, with similar names. */
export function filterLayers(layers: readonly LayerFacts[], filter: string): LayerFacts[] {
  const wanted = filter.toLowerCase();
  const found = layers.filter(({ path, type }) => `${path.join('/')} ${type}`.toLowerCase().includes(wanted));
  if (found.length > 0) return found;
  const near = nearNames(
    filter,
    layers.flatMap(({ name, type }) => [name, type]),
  );
  const hint = near.length === 0 ? '' : ` Did you mean ${near.map((name) => `'${name}'`).join(', ')}?`;
  throw new UsageError(
    `--filter: none of the ${layers.length} layers has '${filter}' in its path or type.${hint}`,
  );
}
