import { dirname } from 'node:path';
import { batchSizeOf } from '../shared/batch_size.js';
import { UsageError } from '../shared/failure.js';
import { loadOptionsOf } from '../shared/loading.js';
import { ALL, type MethodVocabulary, VOCABULARY } from '../shared/methods/vocabulary.js';
import { checkOutput } from '../shared/output.js';
import { readLabels } from '../shared/pictures/labels.js';
import { checkMemory } from '../shared/pictures/memory.js';
import { findPictures } from '../shared/pictures/picture_files.js';
import { labelsOfUnits } from '../shared/pictures/predictions.js';
import { targetOf } from '../shared/pictures/target.js';
import type { Terminal } from '../shared/terminal.js';
import { withModel } from '../shared/with_model.js';
import { compareMethods } from './compare.js';
import type { Job } from './job.js';
import { explainByOne } from './one_method.js';
import type { ExplainFlags, ExplainOptions } from './options.js';
import { boxOf, readBoxes } from './pointing.js';

/**
 * Runs `keras-explainable explain`. Returns the exit code.
 *
 * @param vocabulary the available methods.
 */
export async function explainPictures(
  flags: ExplainFlags,
  terminal: Terminal,
  signal: AbortSignal,
  vocabulary: MethodVocabulary = VOCABULARY,
): Promise<number> {
  const compared = flags.method === ALL;
  const names = compared ? vocabulary.compared : [flags.method];
  const methods = vocabulary.build(names, flags.settings, flags.preprocess);
  if (flags.layer !== undefined && !methods.some(({ needsActivations }) => needsActivations)) {
    throw new UsageError(`--layer: ${flags.method} explains by the input and takes no layer.`);
  }
  const loading = loadOptionsOf(flags);
  const [labels, boxes, paths] = await Promise.all([
    flags.labels === undefined ? [] : readLabels(flags.labels),
    flags.boxes === undefined ? null : readBoxes(flags.boxes),
    findPictures(flags.images),
    checkOutput('--out', flags.out),
    flags.sheet === undefined ? null : checkOutput('--sheet', dirname(flags.sheet)),
  ]);
  if (boxes !== null && !paths.some((path) => boxOf(boxes, path) !== undefined)) {
    throw new UsageError(`--boxes: '${flags.boxes}' has a box for none of the ${paths.length} pictures.`);
  }
  return withModel(flags.model, loading, signal, async (model) => {
    const options: ExplainOptions = { ...flags, batchSize: batchSizeOf(model, flags.batchSize) };
    const target = targetOf(model, options);
    checkMemory(target, {
      batchSize: Math.min(options.batchSize, paths.length),
      size: options.size,
      scales: [...new Set(methods.flatMap(({ inputScales }) => inputScales))],
    });
    const named = labelsOfUnits(labels, target.units);
    const job: Job = { options, methods, target, labels: named, boxes, paths, terminal, signal };
    return compared ? compareMethods(job) : explainByOne(job);
  });
}
