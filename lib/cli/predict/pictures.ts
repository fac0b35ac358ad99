import type { Preprocessing } from '../../image/preprocess.js';
import { loadInputs } from '../shared/pictures/load_pictures.js';
import { SCORE_TEXTS, type ScoreKind, topPredictions } from '../shared/pictures/predictions.js';
import { predictionsText, printFailure } from '../shared/pictures/printing.js';
import { predictScores } from '../shared/pictures/scores.js';
import type { Target } from '../shared/pictures/target.js';
import { startProgress } from '../shared/progress_bar.js';
import { printable, type Terminal, writeJson, writeLine } from '../shared/terminal.js';
import type { PredictOptions } from './options.js';

interface PictureJob {
  readonly target: Target;
  readonly paths: readonly string[];
  readonly labels: readonly string[];
  readonly options: PredictOptions;
  readonly preprocess: Preprocessing;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Prints the class scores of every picture. Returns the number of unreadable pictures. */
export async function predictPictures(job: PictureJob): Promise<number> {
  const { target, paths, labels, options, preprocess, terminal, signal } = job;
  const { batchSize, json, top } = options;
  const { out } = terminal;
  const progress = startProgress(terminal, paths.length, String);
  let kind: ScoreKind | null = null;
  let [predicted, failed] = [0, 0];
  try {
    for (let from = 0; from < paths.length && !signal.aborted; from += batchSize) {
      const batch = paths.slice(from, from + batchSize);
      const { pictures, inputs, failures } = await loadInputs(batch, { target, preprocess, signal });
      failed += failures.length;
      for (const { path, error } of failures) {
        await progress.aside(() => printFailure(terminal, json, path, error));
      }
      if (inputs === null) continue;
      const scores = await predictScores(target, inputs, batchSize, kind, signal);
      kind = scores.kind;
      inputs.release();
      await progress.aside(async () => {
        for (const [i, { path }] of pictures.entries()) {
          const predictions = topPredictions(scores.rows[i] as Float64Array, top, labels);
          if (json) await writeJson(out, { type: 'picture', path, predictions });
          else await writeLine(out, `${printable(path)}  ${predictionsText(out, predictions)}`);
        }
      });
      predicted += pictures.length;
      progress.update(predicted + failed, paths.length, pictures.at(-1)?.path ?? '');
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.stop();
  }
  const interrupted = signal.aborted;
  const total = paths.length;
  if (json) {
    await writeJson(out, { type: 'summary', predicted, failed, total, interrupted, scores: kind });
    return failed;
  }
  const skipped = failed > 0 ? `, ${failed} skipped` : '';
  await writeLine(out, `\n${predicted} of ${total} pictures predicted${skipped}.`);
  if (interrupted) await writeLine(out, 'The run was interrupted.');
  if (kind !== null) await writeLine(out, SCORE_TEXTS[kind]);
  return failed;
}
