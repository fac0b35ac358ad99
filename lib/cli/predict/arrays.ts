import { extname } from 'node:path';
import { readNpy, readNpz } from '../../data/index.js';
import { isSharedInput } from '../../graph/layer.js';
import { outputActivation } from '../../inspection/index.js';
import type { Model } from '../../model/model.js';
import { DataError } from '../../support/errors.js';
import { untilAborted } from '../../support/signal.js';
import type { Tensor } from '../../tensor/tensor.js';
import { UsageError } from '../shared/failure.js';
import {
  SCORE_TEXTS,
  type ScoreKind,
  scoreKindOf,
  scoresOf,
  topPredictions,
} from '../shared/pictures/predictions.js';
import { predictionsText } from '../shared/pictures/printing.js';
import { shapeText } from '../shared/pictures/target.js';
import { startProgress } from '../shared/progress_bar.js';
import { type Terminal, writeJson, writeLine } from '../shared/terminal.js';
import { nest, numbersOf } from '../shared/values.js';
import type { PredictOptions } from './options.js';

/** Arrays by name. An array without a name has the name ''. */
export type Arrays = Readonly<Record<string, Tensor>>;

/** Reads the file that `--inputs` names, until `signal` is aborted. */
export async function readInputs(path: string, signal: AbortSignal): Promise<Arrays> {
  const extension = extname(path).toLowerCase();
  if (extension !== '.npy' && extension !== '.npz') {
    throw new UsageError(`--inputs: expected a .npy or .npz file, received '${path}'.`);
  }
  const reading = extension === '.npz' ? readNpz(path) : readNpy(path).then((array) => ({ '': array }));
  try {
    return await untilAborted<Arrays>(reading, signal);
  } catch (error) {
    const isOfFile = error instanceof DataError || (error instanceof Error && 'syscall' in error);
    throw isOfFile ? new UsageError(`--inputs: ${error.message}`, { cause: error }) : error;
  }
}

interface ArrayJob {
  readonly model: Model;
  readonly arrays: Arrays;
  readonly labels: readonly string[];
  readonly options: PredictOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Prints the model's outputs for every row of the arrays. */
export async function predictArrays({
  model,
  arrays,
  labels,
  options: { batchSize, json, top },
  terminal,
  signal,
}: ArrayJob): Promise<void> {
  const { out } = terminal;
  const inputs = inputsOf(model, arrays);
  const total = inputs.find((input) => !isSharedInput(input))?.shape[0] ?? 0;
  const [logits] = model.outputs;
  const units = logits?.shape?.length === 2 ? logits.shape[1] : null;
  if (!json && typeof units !== 'number') {
    throw new UsageError(
      `Expected a model with outputs (N, classes), whose scores can be shown, but it has ` +
        `${shapeText(logits?.shape ?? null)}. Use --json, which prints all outputs.`,
    );
  }
  const progress = startProgress(terminal, total, String);
  let kind: ScoreKind | null = null;
  let rows = 0;
  try {
    for (let from = 0; from < total && !signal.aborted; from += batchSize) {
      const to = Math.min(from + batchSize, total);
      const batch = inputs.map((input) => (isSharedInput(input) ? input : input.rows(from, to)));
      const predicted = await model.predict(batch, { batchSize, signal });
      const outputs = (Array.isArray(predicted) ? predicted : [predicted]) as readonly Tensor[];
      const values = outputs.map(numbersOf);
      const rowsOf = (i: number, row: number) => {
        const size = (values[i] as Float64Array).length / (to - from);
        return (values[i] as Float64Array).subarray(row * size, (row + 1) * size);
      };
      if (!json) kind ??= scoreKindOf(values[0] as Float64Array, units as number, outputActivation(model));
      await progress.aside(async () => {
        for (let row = 0; row < to - from; row++) {
          if (json) {
            const named = outputs.map(({ shape }, i) => [
              model.outputs[i]?.name,
              nest(rowsOf(i, row), shape.slice(1)),
            ]);
            await writeJson(out, { type: 'row', row: from + row, outputs: Object.fromEntries(named) });
          } else {
            const predictions = topPredictions(scoresOf(rowsOf(0, row), kind as ScoreKind), top, labels);
            await writeLine(out, `row ${from + row}  ${predictionsText(out, predictions)}`);
          }
        }
      });
      for (const output of outputs) output.release();
      rows = to;
      progress.update(rows, total, '');
    }
  } catch (error) {
    if (!signal.aborted) throw asUsage(error);
  } finally {
    progress.stop();
  }
  const interrupted = signal.aborted;
  if (json) return writeJson(out, { type: 'summary', rows, total, interrupted });
  await writeLine(out, `\n${rows} of ${total} rows predicted.`);
  if (interrupted) await writeLine(out, 'The run was interrupted.');
  if (kind !== null) await writeLine(out, SCORE_TEXTS[kind]);
}

/** Turns errors about `x` into usage errors, because the file does not fit the model. */
function asUsage(error: unknown): unknown {
  const isMisuse = error instanceof TypeError || error instanceof RangeError;
  return isMisuse ? new UsageError(`--inputs: ${error.message}`, { cause: error }) : error;
}

/** Returns the arrays in the order of the model's inputs, by name. A single array fits a single input of any name. */
export function inputsOf({ inputs }: Pick<Model, 'inputs'>, arrays: Arrays): readonly Tensor[] {
  const names = Object.keys(arrays);
  const [only] = names;
  const wanted = inputs.map(({ name }) => name);
  const found =
    inputs.length === 1 && names.length === 1 && only !== undefined
      ? [arrays[only]]
      : wanted.map((name) => arrays[name]);
  const missing = wanted.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    const received = names.map((name) => name || 'one without a name').join(', ') || 'none';
    throw new UsageError(
      `--inputs: expected arrays named ${wanted.join(', ')}, as the model's inputs are, received ${received}. ` +
        `In NumPy: np.savez(file, ${wanted.map((name) => `${name}=...`).join(', ')}).`,
    );
  }
  const tensors = found as readonly Tensor[];
  const counts = new Set(tensors.flatMap(({ shape }) => shape.slice(0, 1)));
  if (counts.size > 1) {
    throw new UsageError(
      `--inputs: expected arrays of one number of rows, received ${[...counts].join(' and ')}.`,
    );
  }
  return tensors;
}
