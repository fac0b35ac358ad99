import type { Model } from '../../model/model.js';
import { batchSizeOf } from '../shared/batch_size.js';
import { exitCodes, UsageError } from '../shared/failure.js';
import { loadOptionsOf } from '../shared/loading.js';
import { readLabels } from '../shared/pictures/labels.js';
import { checkMemory } from '../shared/pictures/memory.js';
import { findPictures } from '../shared/pictures/picture_files.js';
import { labelsOfUnits } from '../shared/pictures/predictions.js';
import { targetOf } from '../shared/pictures/target.js';
import type { Terminal } from '../shared/terminal.js';
import { withModel } from '../shared/with_model.js';
import { predictArrays, readInputs } from './arrays.js';
import type { PredictFlags, PredictOptions } from './options.js';
import { predictPictures } from './pictures.js';

/** Runs `keras-explainable predict`. Returns the exit code. */
export async function predict(flags: PredictFlags, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const { model: path, labels: labelFile, images, inputs, size } = flags;
  if ((images === undefined) === (inputs === undefined)) {
    throw new UsageError('Expected either --images or --inputs: what the model is to be given.');
  }
  if (inputs !== undefined) refuseForArrays(flags);
  const loading = loadOptionsOf(flags);
  const labels = labelFile === undefined ? [] : await readLabels(labelFile);
  const resolved = (model: Model): PredictOptions => ({
    ...flags,
    batchSize: batchSizeOf(model, flags.batchSize),
  });
  let failed: number;
  if (images !== undefined) {
    const paths = await findPictures(images);
    failed = await withModel(path, loading, signal, async (model) => {
      const { preprocess = 'none' } = flags;
      const options = resolved(model);
      const target = targetOf(model, { preprocess, size });
      checkMemory(target, { batchSize: Math.min(options.batchSize, paths.length), size });
      const named = labelsOfUnits(labels, target.units);
      return predictPictures({ target, paths, labels: named, options, preprocess, terminal, signal });
    });
  } else {
    const arrays = await readInputs(inputs as string, signal);
    failed = await withModel(path, loading, signal, async (model) => {
      const named = labelsOfUnits(labels, model.outputs[0]?.shape?.at(-1) ?? null);
      await predictArrays({ model, arrays, labels: named, options: resolved(model), terminal, signal });
      return 0;
    });
  }
  if (signal.aborted) return exitCodes.interrupted;
  return failed > 0 ? exitCodes.failure : exitCodes.success;
}

/** Throws UsageError for options of pictures, because arrays are fed to the model unchanged. */
function refuseForArrays({ preprocess, size }: PredictFlags): void {
  for (const [flag, value] of Object.entries({ '--preprocess': preprocess, '--size': size })) {
    if (value !== undefined)
      throw new UsageError(`${flag}: it goes with --images; arrays are taken as they are.`);
  }
}
