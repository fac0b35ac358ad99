import { fixedBatchSize } from '../graph/layer.js';
import { checkBoolean, checkInteger, checkOptions, refused, wrongType } from '../support/arguments.js';
import { Tensor } from '../tensor/tensor.js';
import { ArrayHandler } from './array_handler.js';
import {
  checkWholeBatches,
  DATA_OPTIONS,
  type DataHandler,
  type FedModel,
  type HandlerOptions,
  unitsOf,
} from './batch.js';
import { checkAllFed, checkOnlyWhole, type FeedSpecs, type FeedValues, feedTensors } from './feeds.js';
import { FileHandler, type FilePlan } from './file_handler.js';
import { ImageFiles } from './image_files.js';
import { type Indices, indicesTensor } from './indices.js';
import { checkOnlyInput, type Inputs, inputTensors, samplesOf } from './inputs.js';
import { ModuleSequence } from './module_sequence.js';
import { checkLength, isSequence, isSource, type Sequence, type Source } from './source.js';
import { SourceHandler } from './source_handler.js';

export {
  type Batch,
  DATA_OPTIONS,
  type DataHandler,
  type DataOptions,
  type FedModel,
  type HandlerOptions,
} from './batch.js';

/** The named tensors that a step takes besides inputs and units, and their values in a run. */
export interface NamedFeeds {
  readonly specs: FeedSpecs;
  readonly values?: FeedValues | undefined;
}

const NO_FEEDS: NamedFeeds = { specs: {} };

type CheckedOptions = Required<Omit<HandlerOptions, 'batchSize' | 'steps'>> &
  Pick<HandlerOptions, 'batchSize' | 'steps'>;

/**
 * Checks `x` and `y` against the inputs and outputs of `model`. Arrays are cut into batches. A source is read batch by
 * batch.
 *
 * @param axis the axis of the model's first output that `y` indexes.
 * @param feeds further tensors that the step takes. The batches of a source may hold those per sample:
 *   `{ x, y, feeds }`.
 * @throws TypeError, RangeError that name the argument, before any data is copied or read.
 */
export function makeDataHandler(
  model: FedModel,
  x: Inputs | Source,
  y?: Indices | null,
  options: HandlerOptions = {},
  axis = -1,
  feeds: NamedFeeds = NO_FEEDS,
): DataHandler {
  const checked = checkHandlerOptions(options);
  return isSource(x)
    ? makeSourceHandler(model, x, y ?? null, checked, axis, feeds)
    : makeArrayHandler(model, x, y ?? null, checked, axis, feeds);
}

function checkHandlerOptions(options: HandlerOptions): CheckedOptions {
  checkOptions('options', options, [...DATA_OPTIONS, 'stepsPerExecution']);
  const { batchSize, steps, maxQueueSize = 10, workers = 1, stepsPerExecution = 1 } = options;
  const { useMultiprocessing = false } = options;
  checkInteger('maxQueueSize', maxQueueSize);
  checkInteger('workers', workers, 0);
  checkInteger('stepsPerExecution', stepsPerExecution);
  checkBoolean('useMultiprocessing', useMultiprocessing);
  if (batchSize !== undefined) checkInteger('batchSize', batchSize);
  if (steps !== undefined) checkInteger('steps', steps);
  return { batchSize, steps, maxQueueSize, workers, stepsPerExecution, useMultiprocessing };
}

function makeArrayHandler(
  model: FedModel,
  x: Inputs,
  y: Indices | null,
  { batchSize, steps, maxQueueSize, stepsPerExecution }: CheckedOptions,
  axis: number,
  { specs, values = {} }: NamedFeeds,
): DataHandler {
  const inputs = inputTensors(x, model.inputs);
  const samples = samplesOf(inputs, model.inputs);
  const fixed = fixedBatch(model, samples, batchSize);
  const size = fixed ?? batchSize ?? (steps === undefined ? 32 : Math.ceil(samples / steps));
  const most = Math.ceil(samples / size);
  if (steps !== undefined && steps > most) {
    throw refused(
      'steps',
      `at most ${most}, which is all of ${samples} samples in batches of ${size},`,
      `${steps}`,
    );
  }
  const indices = y === null ? null : indicesTensor(y, samples, unitsOf(model, axis));
  const feeds = feedTensors(values, specs, samples);
  checkAllFed(feeds, specs);
  const given = [x, y, ...Object.values(x), ...Object.values(values)];
  const lasting = new Set(given.filter((each) => each instanceof Tensor));
  const plan = { batchSize: size, steps: steps ?? most, stepsPerExecution, maxQueueSize };
  return new ArrayHandler({ inputs, samples, indices, feeds, lasting }, plan);
}

function makeSourceHandler(
  model: FedModel,
  source: Source,
  y: Indices | null,
  { batchSize, steps, maxQueueSize, workers, stepsPerExecution, useMultiprocessing }: CheckedOptions,
  axis: number,
  { specs, values }: NamedFeeds,
): DataHandler {
  if (batchSize !== undefined) {
    throw refused(
      'batchSize',
      'none together with a source, which determines its batches,',
      `${batchSize}`,
      'Leave it out; `stepsPerExecution` of `loadModel` joins small batches.',
    );
  }
  if (useMultiprocessing) checkInteger('workers', workers);
  if (useMultiprocessing && !(source instanceof ModuleSequence)) {
    throw refused(
      'useMultiprocessing',
      'false unless `x` is a `data.moduleSequence`',
      'true',
      'Threads share no functions: put the Sequence into its own module and pass `await ' +
        'data.moduleSequence(url, args)`.',
    );
  }
  if (isSequence(source)) checkSteps(source, steps);
  const samples = knownSize(source, 'samples');
  const ownBatchSize = knownSize(source, 'batchSize');
  if (y !== null && samples === null) {
    throw wrongType(
      'y',
      'none together with a source',
      y,
      'Let the source yield the units with each batch: [x, y] or { x, y }.',
    );
  }
  const units = y === null ? null : indicesTensor(y, samples as number, unitsOf(model, axis));
  if (samples === null) checkOnlyWhole(values, specs);
  const feeds = feedTensors(values, specs, samples ?? 0);
  if (source instanceof ImageFiles && source.autoShard === 'file') {
    checkAllFed(feeds, specs);
    return makeFileHandler(model, source, { steps, stepsPerExecution, maxQueueSize, indices: units, feeds });
  }
  const wholeSpecs = Object.entries(specs).filter(([, { whole = false }]) => whole);
  checkAllFed(feeds, Object.fromEntries(wholeSpecs));
  return new SourceHandler(model, source, {
    samples,
    batchSize: ownBatchSize,
    units,
    feeds,
    specs,
    axis,
    steps,
    stepsPerExecution,
    maxQueueSize,
    readers: workers,
    useMultiprocessing,
  });
}

function makeFileHandler(
  model: FedModel,
  files: ImageFiles,
  { steps, ...plan }: Omit<FilePlan, 'batchSize' | 'steps'> & { readonly steps: number | undefined },
): DataHandler {
  const { batchSize, feed, inputs, length } = files.sharded();
  checkOnlyInput(inputs, model.inputs);
  const last = files.samples - batchSize * (length - 1);
  for (const samples of length > 1 ? [batchSize, last] : [last]) fixedBatch(model, samples, undefined);
  return new FileHandler(files.paths, feed, { ...plan, batchSize, steps: steps ?? length });
}

/** Returns a size that a Sequence declares. A property of another type is ignored, since it may mean something else. */
function knownSize(source: Source, name: 'samples' | 'batchSize'): number | null {
  if (!isSequence(source)) return null;
  const { [name]: size } = source;
  return typeof size === 'number' ? checkInteger(`x.${name}`, size) : null;
}

function checkSteps(sequence: Sequence, steps: number | undefined): void {
  const length = checkLength(sequence);
  if (steps === undefined || steps <= length) return;
  throw refused('steps', `at most ${length}, the number of batches that \`x\` has,`, `${steps}`);
}

/** Returns the batch size that the model was saved with, if the model takes no other size. */
function fixedBatch(model: FedModel, samples: number, batchSize: number | undefined): number | undefined {
  const size = fixedBatchSize(model.inputs) ?? undefined;
  if (size === undefined) return undefined;
  if (batchSize !== undefined && batchSize !== size) {
    throw refused('batchSize', `${size}, the only batch size that this model takes,`, `${batchSize}`);
  }
  checkWholeBatches(model, samples, 'x');
  return size;
}
