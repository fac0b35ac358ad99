/** Runs a compiled function over one batch. */
import type { NativeFunction, NativeRunOptions, NativeTarget, NativeTensor } from '../binding/contract.js';
import { loadedAddon } from '../binding/loader.js';
import type { BatchProgress } from '../callbacks/callback.js';
import type { Batch } from '../data/batch.js';
import type { Lease } from '../model/function_cache.js';
import type { Model } from '../model/model.js';
import { nearNames, refused } from '../support/arguments.js';
import { KerasExplainableError, native, nativeAsync } from '../support/errors.js';
import { Pace } from '../support/pace.js';
import { cancelled, checkSignal, untilAborted, untilLongAborted } from '../support/signal.js';
import { Tensor } from '../tensor/tensor.js';
import { withFile } from './failures/failed_files.js';
import { withSamples } from './failures/lost_workers.js';
import { withLayer } from './failures/numerics.js';
import { ProgressWatch } from './progress.js';
import type { Destination, Destinations, Joint, Place, StepOutputs } from './results.js';
import { shardSize } from './shards.js';

/** The connections between a run in progress and its caller. */
export interface RunHooks {
  /** Aborts the run before the next iteration of a loop in the graph, or before the next shard. */
  readonly signal?: AbortSignal | undefined;
  /** Called from time to time with the progress of the loops in the graph. An error ends the run. */
  readonly report?: ((progress: BatchProgress) => unknown) | undefined;
  /** The destinations of outputs, by name. Default: new tensors. */
  readonly into?: Destinations | undefined;
  /** The position of the batch's first sample in the run. Default 0. */
  readonly row?: number | undefined;
  /** Called for the destination of an output that `into` does not name. */
  readonly place?: Place | undefined;
}

/**
 * Returns the outputs of the function for `batch`, by name. They are tensors over TensorFlow's memory, or rows of their
 * destinations. The batch's feeds must be in the order of the function's arguments.
 *
 * @throws CancelledError once `signal` is aborted.
 * @throws RangeError if `into` names an output that the function does not have.
 */
export async function runFunction(
  model: Model,
  lease: Promise<Lease>,
  batch: Batch,
  { signal, report, into = {}, place, row = 0 }: RunHooks,
): Promise<StepOutputs> {
  model.checkOpen();
  const { function: compiled, names } = await untilAborted(lease, signal);
  model.checkOpen();
  checkNames(into, names);
  const named = Object.values(batch.feeds ?? {}).map(({ tensor }) => tensor);
  const fed = [...batch.inputs, ...(batch.indices === null ? [] : [batch.indices]), ...named];
  const feeds = await Promise.all(fed.map((feed) => feed.toAligned()));
  checkSignal(signal);
  const run = signal === undefined && report === undefined ? null : loadedAddon().createRun();
  const watch = run === null || report === undefined ? null : new ProgressWatch(run, report);
  const abort = () => {
    // The run may continue until the current iteration of its loops ends.
    watch?.stop();
    run?.cancel();
  };
  signal?.addEventListener('abort', abort, { once: true });
  const destinations = names.map((name) => into[name] ?? place?.(name));
  let outputs: NativeTensor[] = [];
  try {
    const { begin, samples: rows } = batch;
    const targets = destinations.map((to) => (to === undefined ? null : targetOf(to)));
    const options = { shardSize: shardSize(model, batch), begin, rows, run, into: targets };
    outputs =
      (await runNow(model, compiled, feeds, options)) ?? (await runLater(model, compiled, feeds, options));
    if (watch !== null) await untilLongAborted(watch.finish(), signal);
    const tensors = outputs.map((output, i) => {
      const to = destinations[i];
      if (to === undefined) return Tensor.fromNative(output);
      const whole = 'tensor' in to ? to.tensor : Tensor.fromNative(output);
      return whole.rows(to.row, to.row + rows);
    });
    return Object.fromEntries(tensors.map((tensor, i) => [names[i] as string, tensor]));
  } catch (error) {
    outputs.forEach((output, i) => {
      if (destinations[i] === undefined) output.release();
    });
    watch?.throwFailure();
    if (signal?.aborted === true) throw cancelled(signal);
    const told = withSamples(withLayer(error, model, batch), row);
    throw await untilAborted(withFile(told, model, batch), signal);
  } finally {
    watch?.stop();
    signal?.removeEventListener('abort', abort);
  }
}

/** Runs the function on this thread if the run takes only microseconds. Otherwise returns null. */
async function runNow(
  model: Model,
  compiled: NativeFunction,
  feeds: readonly NativeTensor[],
  options: NativeRunOptions,
): Promise<NativeTensor[] | null> {
  const pace = new Pace();
  // Without a pause, a sequence of such runs would block the event loop.
  if (pace.due) await pace.rest();
  // The model may have been closed during the waits since the last check.
  model.checkOpen();
  return native(() => compiled.runNow(feeds, options));
}

async function runLater(
  model: Model,
  compiled: NativeFunction,
  feeds: readonly NativeTensor[],
  options: NativeRunOptions,
): Promise<NativeTensor[]> {
  model.checkOpen();
  return nativeAsync(() => model.core.strategy.during(() => compiled.run(feeds, options)));
}

function checkNames(into: Destinations, names: readonly string[]): void {
  const stranger = Object.keys(into).find((name) => !names.includes(name));
  if (stranger === undefined) return;
  const [near] = nearNames(stranger, names, 1);
  const mend = near === undefined ? '' : `Did you mean "${near}"?`;
  throw refused('into', `only results that exist (${names.join(', ')})`, `one for "${stranger}"`, mend);
}

function targetOf(to: Destination | Joint): NativeTarget {
  if ('rows' in to) return to;
  if (to.tensor.aligned !== null) return { tensor: to.tensor.aligned, row: to.row };
  throw new KerasExplainableError('CLOSED', 'A tensor of `into` was released during the run.');
}
