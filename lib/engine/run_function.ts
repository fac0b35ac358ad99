/** One run of a compiled function over one batch. */
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

/** What goes in and out of a run while it is under way. */
export interface RunHooks {
  /** Ends the run before the next turn of a loop in it, or before its next shard. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far the loops in it are, now and then; what it throws ends the run. */
  readonly report?: ((progress: BatchProgress) => unknown) | undefined;
  /** Where outputs are written, by name. Default: tensors of their own. */
  readonly into?: Destinations | undefined;
  /** The run's sample that is the first of this batch. Default 0. */
  readonly row?: number | undefined;
  /** Asked where an output that `into` does not name is to be written. */
  readonly place?: Place | undefined;
}

/**
 * What the function gives for `batch`, by name, over TensorFlow's memory, or as rows of its destinations. The batch's
 * feeds are in the order in which the function takes them.
 *
 * @throws CancelledError once `signal` is aborted.
 * @throws RangeError where `into` names what the function does not give.
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
    // Its end may take as long as a turn of its loops does.
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

/** The outputs of a run that takes but microseconds; null for any other. */
async function runNow(
  model: Model,
  compiled: NativeFunction,
  feeds: readonly NativeTensor[],
  options: NativeRunOptions,
): Promise<NativeTensor[] | null> {
  const pace = new Pace();
  // One after the other, such runs would never let go of the event loop.
  if (pace.due) await pace.rest();
  // Since it was lent, feeds were made and others had their turn.
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
  throw refused('into', `results that there are (${names.join(', ')})`, `one for "${stranger}"`, mend);
}

function targetOf(to: Destination | Joint): NativeTarget {
  if ('rows' in to) return to;
  if (to.tensor.aligned !== null) return { tensor: to.tensor.aligned, row: to.row };
  throw new KerasExplainableError('CLOSED', 'A tensor of `into` was released while the run was under way.');
}
