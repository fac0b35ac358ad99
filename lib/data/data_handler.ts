import { checkBoolean, checkInteger, checkOptions, refused } from '../arguments.js';
import type { TensorSpec } from '../graph/layer.js';
import { alignedRows, Tensor } from '../tensor.js';
import { type Indices, indicesTensor } from './indices.js';
import { type Inputs, inputTensors, refuseNaN } from './inputs.js';

/** What of a model data is checked against. */
export interface FedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface DataOptions {
  /** Samples per batch, 32 by default. Bounds memory, and is the step that callbacks see. */
  readonly batchSize?: number;
  /** Stop after so many batches. Without `batchSize`, the samples are divided into so many. */
  readonly steps?: number;
  /** Most batches that are prepared or run at once. Default 10. */
  readonly maxQueueSize?: number;
  /** For inputs that are read from sources. Arrays are there already: no workers are used. */
  readonly workers?: number;
  readonly useMultiprocessing?: boolean;
}

export const DATA_OPTIONS = ['batchSize', 'steps', 'maxQueueSize', 'workers', 'useMultiprocessing'] as const;

/** The samples of one step, in memory that TensorFlow reads without a copy. */
export interface Batch {
  /** From 0. */
  readonly step: number;
  readonly samples: number;
  /** One tensor per input of the model. */
  readonly inputs: readonly Tensor[];
  /** (samples, units) of int32, or null for every unit. */
  readonly indices: Tensor | null;
  /** Gives memory back that was copied for this batch alone. */
  release(): void;
}

/** Cuts samples that are in memory into batches. */
export class DataHandler {
  readonly samples: number;
  readonly batchSize: number;
  readonly inferredSteps: number;
  readonly maxQueueSize: number;
  /** Bytes of one sample, of all inputs. */
  readonly rowBytes: number;
  readonly #inputs: readonly Tensor[];
  readonly #indices: Tensor | null;
  readonly #lasting: ReadonlySet<Tensor>;

  /** @internal Use {@link makeDataHandler}. `lasting`: those of `inputs` that the caller owns. */
  constructor(
    inputs: readonly Tensor[],
    indices: Tensor | null,
    lasting: ReadonlySet<Tensor>,
    { batchSize, steps, maxQueueSize }: { batchSize: number; steps: number; maxQueueSize: number },
  ) {
    this.#inputs = inputs;
    this.#indices = indices;
    this.#lasting = lasting;
    this.samples = Math.min((inputs[0] as Tensor).shape[0] as number, batchSize * steps);
    this.batchSize = batchSize;
    this.inferredSteps = steps;
    this.maxQueueSize = maxQueueSize;
    this.rowBytes = inputs.reduce((sum, { byteLength, shape }) => sum + byteLength / (shape[0] as number), 0);
  }

  /** Looks at all values. Throws RangeError for NaN. Done before the first batch, so that nothing runs in vain. */
  async validate(): Promise<void> {
    for (const [i, input] of this.#inputs.entries()) {
      await refuseNaN(this.#inputs.length > 1 ? `x[${i}]` : 'x', input);
    }
  }

  /** The batches, each made when it is asked for. A copy is made in slices that leave the event loop free. */
  async *batches(): AsyncGenerator<Batch, void> {
    for (let step = 0; step < this.inferredSteps; step++) {
      const begin = step * this.batchSize;
      const end = Math.min(begin + this.batchSize, this.samples);
      const own: Tensor[] = [];
      const cut = async (whole: Tensor): Promise<Tensor> => {
        // A tensor of the caller's is copied once for all calls that it is given to.
        if (begin === 0 && end === whole.shape[0] && this.#lasting.has(whole)) {
          await whole.toAligned();
          return whole;
        }
        const part = Tensor.fromNative(await alignedRows(whole, begin, end));
        own.push(part);
        return part;
      };
      const inputs: Tensor[] = [];
      for (const input of this.#inputs) inputs.push(await cut(input));
      const indices = this.#indices === null ? null : await cut(this.#indices);
      yield {
        step,
        samples: end - begin,
        inputs,
        indices,
        release: () => {
          for (const part of own) part.release();
        },
      };
    }
  }
}

/**
 * Checks `x` and `y` against what `model` takes and gives, and cuts them into batches.
 *
 * @param axis the axis of the model's first output that `y` points into.
 * @throws TypeError, RangeError that name what is wrong, before anything is copied.
 */
export function makeDataHandler(
  model: FedModel,
  x: Inputs,
  y?: Indices | null,
  options: DataOptions = {},
  axis = -1,
): DataHandler {
  checkOptions('options', options, DATA_OPTIONS);
  const { batchSize, steps, maxQueueSize = 10, workers = 1, useMultiprocessing = false } = options;
  checkInteger('maxQueueSize', maxQueueSize);
  checkInteger('workers', workers, 0);
  checkBoolean('useMultiprocessing', useMultiprocessing);
  if (batchSize !== undefined) checkInteger('batchSize', batchSize);
  if (steps !== undefined) checkInteger('steps', steps);

  const inputs = inputTensors(x, model.inputs);
  const samples = (inputs[0] as Tensor).shape[0] as number;
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
  const units = model.outputs[0]?.shape?.at(axis) ?? null;
  const indices = y === undefined || y === null ? null : indicesTensor(y, samples, units);
  const lasting = new Set([x, ...Object.values(x)].filter((each) => each instanceof Tensor));
  return new DataHandler(inputs, indices, lasting, { batchSize: size, steps: steps ?? most, maxQueueSize });
}

/** The batch size that a model was saved with, where it takes no other. */
function fixedBatch(model: FedModel, samples: number, batchSize: number | undefined): number | undefined {
  const size = model.inputs[0]?.shape?.[0] ?? undefined;
  if (size === undefined) return undefined;
  if (batchSize !== undefined && batchSize !== size) {
    throw refused('batchSize', `${size}, the only one that this model was saved for,`, `${batchSize}`);
  }
  if (samples % size !== 0) {
    throw refused(
      'x',
      `a multiple of ${size} samples, the batch size that this model was saved for,`,
      `${samples}`,
    );
  }
  return size;
}
