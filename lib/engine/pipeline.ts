/** Runs several batches at once and yields their results in order. */
import type { Batch, DataHandler } from '../data/batch.js';
import { checkSignal } from '../support/signal.js';

export interface Stage<Outputs> {
  /** Starts a batch. The promise settles when the batch is done. `signal` aborts the batch. */
  readonly begin: (batch: Batch, signal: AbortSignal) => Promise<Outputs>;
  /** Awaited, in order, before a batch starts. An error ends the run. */
  readonly announce: (batch: Batch) => Promise<void>;
  /** Returns the number of batches of the size of `batch` that run at once. */
  readonly inFlight: (batch: Batch) => number;
}

export interface Finished<Outputs> {
  readonly batch: Batch;
  readonly outputs: Outputs;
}

interface UnderWay<Outputs> {
  readonly batch: Batch;
  readonly outputs: Promise<Outputs>;
  /** Settles with `outputs`, but never rejects. */
  readonly settled: Promise<void>;
  readonly abort: (reason: unknown) => void;
  done: boolean;
}

/**
 * Takes batches from `handler` and starts each as soon as fewer than `inFlight` batches run. Yields the results in
 * order, as soon as they are ready. A slow source does not delay finished results. A slow consumer stops the source.
 *
 * If a batch or the source fails, the results of earlier batches are yielded first. Then the error is thrown. When the
 * generator has ended, no batch is in flight and the source is closed.
 */
export async function* pipeline<Outputs>(
  handler: DataHandler,
  { begin, announce, inFlight }: Stage<Outputs>,
  { signal, abort }: { readonly signal: AbortSignal; readonly abort: (reason: unknown) => void },
): AsyncGenerator<Finished<Outputs>, void> {
  const source = handler.batches(signal);
  const underWay: UnderWay<Outputs>[] = [];
  let room = 1;
  let ended = false;
  let broken = false;
  let failure: { readonly reason: unknown } | null = null;
  let thrown = false;
  let pulling: Promise<void> | null = null;

  /** Releases a batch. If `release` throws, the run fails with this error after the batches in flight are delivered. */
  const release = (batch: Batch | undefined) => {
    try {
      batch?.release();
    } catch (reason) {
      ended = true;
      failure ??= { reason };
    }
  };

  const pull = async () => {
    let batch: Batch | undefined;
    try {
      const next = await source.next();
      if (next.done === true) {
        ended = true;
        return;
      }
      batch = next.value;
      if (broken) {
        release(batch);
        return;
      }
      room = Math.min(handler.maxQueueSize, inFlight(batch));
      await announce(batch);
      // The run may have been aborted meanwhile. A batch that starts now would not notice the abort.
      checkSignal(signal);
      if (broken) release(batch);
      else underWay.push(start(batch));
    } catch (reason) {
      ended = true;
      failure ??= { reason };
      release(batch);
    } finally {
      pulling = null;
    }
  };

  const start = (batch: Batch): UnderWay<Outputs> => {
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const outputs = begin(batch, controller.signal);
    const settled = outputs.then(
      () => undefined,
      (reason) => {
        // Earlier batches are finished. Later batches are aborted, because they will not be delivered.
        ended = true;
        broken = true;
        for (const later of underWay.slice(underWay.indexOf(own) + 1)) later.abort(reason);
      },
    );
    const own: UnderWay<Outputs> = {
      batch,
      outputs,
      settled: settled.then(() => {
        own.done = true;
        signal.removeEventListener('abort', stop);
      }),
      abort: (reason) => controller.abort(reason),
      done: false,
    };
    return own;
  };

  try {
    for (;;) {
      if (!ended && pulling === null && underWay.length < room) pulling = pull();
      const [oldest] = underWay;
      if (oldest === undefined) {
        if (pulling === null) break;
        await pulling;
        continue;
      }
      await (pulling === null ? oldest.settled : Promise.race([pulling, oldest.settled]));
      if (!oldest.done) continue;
      underWay.shift();
      let outputs: Outputs;
      try {
        outputs = await oldest.outputs;
      } finally {
        release(oldest.batch);
      }
      yield { batch: oldest.batch, outputs };
    }
    if (failure !== null) throw (failure as { readonly reason: unknown }).reason;
  } catch (error) {
    thrown = true;
    throw error;
  } finally {
    abort(new Error('The run has ended.'));
    await pulling;
    await Promise.all(underWay.map(({ settled }) => settled));
    for (const { batch } of underWay) release(batch);
    await source.return().catch((error: unknown) => {
      // The first error is reported to the caller, as in a `for await`.
      if (!thrown) throw error;
    });
  }
}
