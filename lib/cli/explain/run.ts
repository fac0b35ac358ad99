import { dirname } from 'node:path';
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
import type { ExplainOptions } from './options.js';
import { boxOf, readBoxes } from './pointing.js';

/**
 * Runs `keras-explainable explain`. Returns the exit code.
 *
 * @param vocabulary the available methods.
 */
export async function explainPictures(
  options: ExplainOptions,
  terminal: Terminal,
  signal: AbortSignal,
  vocabulary: MethodVocabulary = VOCABULARY,
): Promise<number> {
  const compared = options.method === ALL;
  const names = compared ? vocabulary.compared : [options.method];
  const methods = vocabulary.build(names, options.settings, options.preprocess);
  if (options.layer !== undefined && !methods.some(({ needsActivations }) => needsActivations)) {
    throw new UsageError(`--layer: ${options.method} explains by the input and takes no layer.`);
  }
  const loading = loadOptionsOf(options);
  const [labels, boxes, paths] = await Promise.all([
    options.labels === undefined ? [] : readLabels(options.labels),
    options.boxes === undefined ? null : readBoxes(options.boxes),
    findPictures(options.images),
    checkOutput('--out', options.out),
    options.sheet === undefined ? null : checkOutput('--sheet', dirname(options.sheet)),
  ]);
  if (boxes !== null && !paths.some((path) => boxOf(boxes, path) !== undefined)) {
    throw new UsageError(`--boxes: '${options.boxes}' has a box for none of the ${paths.length} pictures.`);
  }
  return withModel(options.model, loading, signal, async (model) => {
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
