import { availableParallelism } from 'node:os';
import { ensureTensorflow } from '../../binding/loader.js';
import type { TensorSpec } from '../../graph/layer.js';
import type { Model } from '../../model/model.js';
import { untilAborted } from '../../support/signal.js';
import { bytesPerElement, isNumeric } from '../../tensor/dtype.js';
import { elementsOf } from '../../tensor/nested_arrays.js';
import type { Tensor } from '../../tensor/tensor.js';
import { exitCodes, UsageError } from '../shared/failure.js';
import { loadOptionsOf } from '../shared/loading.js';
import { explainBatch } from '../shared/methods/explaining.js';
import { explainedModel } from '../shared/methods/exposed.js';
import { type NamedMethod, VOCABULARY } from '../shared/methods/vocabulary.js';
import { formatBytes } from '../shared/numbers.js';
import { memoryLimit } from '../shared/pictures/memory.js';
import { shapeText } from '../shared/pictures/target.js';
import { startProgress } from '../shared/progress_bar.js';
import { positionsOf, shapeFor, syntheticInputs } from '../shared/synthetic.js';
import type { Terminal } from '../shared/terminal.js';
import { withModel } from '../shared/with_model.js';
import { median, timeInRounds } from './measure.js';
import type { BenchOptions } from './options.js';
import { BenchPrinter, type Call, type Measurement, type Setup } from './printer.js';

/** The size of pictures if the model takes any size. Most networks take this size. */
const SIZE: readonly [number, number] = [224, 224];

/** Runs `keras-explainable bench`. Returns the exit code. */
export async function bench(options: BenchOptions, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const { model: path, threads = availableParallelism(), size = SIZE } = options;
  const [method] = VOCABULARY.build([options.method], {}, 'unit') as [NamedMethod];
  if (options.layer !== undefined && !method.needsActivations) {
    throw new UsageError(`--layer: ${method.name} explains by the input and takes no layer.`);
  }
  const loading = loadOptionsOf(options);
  const printer = new BenchPrinter(terminal, options.json);
  const begun = performance.now();
  const addon = await untilAborted(ensureTensorflow(), signal);
  const version = await addon.loadLibrary(addon.loadedPath() as string);
  const library = performance.now() - begun;
  return withModel(path, { ...loading, threads: { interOp: threads } }, signal, async (model) => {
    const load = performance.now() - begun - library;
    checkSizes(model.inputs, options.batchSize, size, options.size);
    const runner = new Runner(model, method, options, size, signal);
    const firstMap = await runner.explainOnce();
    const setup: Setup = {
      tensorflow: version,
      method: method.name,
      inputs: model.inputs.map((spec) => shapeFor(spec, 1, size)),
      threads: model.strategy.replicas,
      strategy: model.strategy.kind,
      milliseconds: { library, load, firstMap, total: library + load + firstMap },
    };
    await printer.setup(setup);
    for (const measurement of await runner.measure(terminal)) await printer.measurement(measurement);
    // The value is in kilobytes on every system.
    await printer.summary(process.resourceUsage().maxRSS * 1024, signal.aborted);
    return signal.aborted ? exitCodes.interrupted : exitCodes.success;
  });
}

/**
 * Throws UsageError if the model does not take the size, or if the samples do not fit in memory. TensorFlow's message
 * would be less clear, or the system would end the process.
 */
function checkSizes(
  inputs: readonly TensorSpec[],
  batchSizes: readonly number[],
  size: readonly number[],
  chosen: readonly number[] | undefined,
): void {
  const fixed = inputs.every(({ shape }) => shape?.slice(1).every((each) => each !== null));
  const own = inputs.some(({ shape }) => String(shape?.slice(1, 3)) === String(chosen));
  if (chosen !== undefined && fixed && !own) {
    const taken = inputs.map(({ shape }) => shapeText(shape)).join(', ');
    throw new UsageError(`--size: the model takes no other sizes than its own, ${taken}.`);
  }
  const largest = Math.max(...batchSizes);
  const bytes = inputs.reduce((total, spec) => {
    const each = isNumeric(spec.dtype) ? bytesPerElement(spec.dtype) : 1;
    return total + elementsOf(shapeFor(spec, largest, size)) * each;
  }, 0);
  if (bytes <= memoryLimit()) return;
  throw new UsageError(
    `--size: a batch of ${largest} takes ${formatBytes(bytes)} as the model's input alone, but there are ` +
      `${formatBytes(memoryLimit())} of memory. Choose a smaller one, or a smaller --batch-size.`,
  );
}

/** The measured calls: predict and explain at each batch size. */
class Runner {
  readonly #model: Model;
  readonly #explained: Model;
  readonly #method: NamedMethod;
  readonly #options: BenchOptions;
  readonly #size: readonly number[];
  readonly #signal: AbortSignal;

  constructor(
    model: Model,
    method: NamedMethod,
    options: BenchOptions,
    size: readonly number[],
    signal: AbortSignal,
  ) {
    this.#model = model;
    this.#explained = explainedModel(model, method, options.layer, 'linear');
    this.#method = method;
    this.#options = options;
    this.#size = size;
    this.#signal = signal;
  }

  /** Explains one sample, including compilation. Returns milliseconds. */
  async explainOnce(): Promise<number> {
    const inputs = syntheticInputs(this.#model.inputs, 1, this.#size);
    const begun = performance.now();
    await this.#explain(inputs, 1);
    return performance.now() - begun;
  }

  async measure(terminal: Terminal): Promise<Measurement[]> {
    const { batchSize: sizes, seconds } = this.#options;
    const calls = sizes.flatMap((batchSize) => {
      const inputs = syntheticInputs(this.#model.inputs, batchSize, this.#size);
      return [
        { call: 'predict', batchSize, run: () => this.#predict(inputs, batchSize) },
        { call: 'explain', batchSize, run: () => this.#explain(inputs, batchSize) },
      ] as const satisfies { call: Call; batchSize: number; run: () => Promise<void> }[];
    });
    const percent = (share: number) => `${Math.round(share * 100)} %`;
    const progress = startProgress(terminal, 1, percent);
    try {
      // Each call runs once before the measurement, so the work of the first use (compilation, packing, allocation)
      // is not measured.
      for (const { run, call, batchSize } of calls) {
        progress.update(0, 1, `warming up ${call}, batches of ${batchSize}`);
        await run();
      }
      const times = await timeInRounds(calls, {
        milliseconds: seconds * 1000,
        signal: this.#signal,
        onCall: (share) => progress.update(share, 1, 'measuring'),
      });
      // An interrupted run may end before every call was measured.
      return calls.flatMap(({ call, batchSize }, i) => {
        const measured = times[i] as number[];
        return measured.length === 0 ? [] : [measurementOf(call, batchSize, measured)];
      });
    } catch (error) {
      if (this.#signal.aborted) return [];
      throw error;
    } finally {
      progress.stop();
    }
  }

  async #predict(inputs: readonly Tensor[], batchSize: number): Promise<void> {
    const predicted = await this.#model.predict(inputs, { batchSize, signal: this.#signal });
    for (const output of Array.isArray(predicted) ? (predicted as Tensor[]) : [predicted as Tensor]) {
      output.release();
    }
  }

  async #explain(inputs: readonly Tensor[], batchSize: number): Promise<void> {
    const units = Array.from({ length: batchSize }, () => [0]);
    const maps = await explainBatch(this.#method, this.#explained, inputs, units, {
      batchSize,
      signal: this.#signal,
      spatialAxis: positionsOf(this.#model.inputs),
    });
    maps.release();
  }
}

function measurementOf(call: Call, batchSize: number, times: readonly number[]): Measurement {
  const perImage = times.map((time) => time / batchSize);
  const middle = median(perImage);
  return {
    call,
    batchSize,
    runs: times.length,
    millisecondsPerImage: { minimum: Math.min(...perImage), median: middle },
    imagesPerSecond: 1000 / middle,
  };
}
