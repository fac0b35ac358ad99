/** Several batches under way at once, their results in order. */
import type { Batch, DataHandler } from '../data/batch.js';
import { checkSignal } from '../support/signal.js';

export interface Stage<Outputs> {
  /** Begins a batch; what it returns settles when the batch is done. `signal` ends it. */
  readonly begin: (batch: Batch, signal: AbortSignal) => Promise<Outputs>;
  /** Awaited before a batch begins, in order; what it throws ends the run. */
  readonly announce: (batch: Batch) => Promise<void>;
  /** How many batches like `batch` to have under way. */
  readonly inFlight: (batch: Batch) => number;
}

export interface Finished<Outputs> {
  readonly batch: Batch;
  readonly outputs: Outputs;
}

interface UnderWay<Outputs> {
  readonly batch: Batch;
  readonly outputs: Promise<Outputs>;
  /** `outputs`, but never rejects. */
  readonly settled: Promise<void>;
  readonly abort: (reason: unknown) => void;
  done: boolean;
}

/**
 * Takes batches from `handler`, begins each as soon as there is room, and gives what they made in their order, each as
 * soon as it is there: a slow source does not hold back what is finished, a slow consumer stops the source.
 *
 * Where a batch or the source fails, what was begun before it is given first, then the failure is thrown. However it
 * ends, nothing is under way any more when it has ended, and the source is closed.
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

  /** Gives a batch back, whatever its producer makes of it: a failure of that ends the run after what is under way. */
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
      // Much may have happened meanwhile, and a batch that is begun now would hear of none of it.
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
        // Those before it are finished, those after it are of no use any more.
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
      // What went wrong first is what the caller hears of, as in a `for await`.
      if (!thrown) throw error;
    });
  }
}
