/** Describes the failure of a run on workers in terms of the run's samples. */
import type { NativeWorkerFailure } from '../../binding/contract.js';
import { KerasExplainableError, WorkerError } from '../../support/errors.js';

/**
 * Returns the WorkerError for `error` if a worker failure caused it. Returns any other error unchanged. `first` is the
 * position of the batch's first sample in the run.
 */
export function withSamples(error: unknown, first: number): unknown {
  if (!(error instanceof KerasExplainableError)) return error;
  const { worker } = (error.cause ?? {}) as { worker?: NativeWorkerFailure };
  if (worker === undefined) return error;
  const { attempts, reason } = worker;
  const samples = { first: first + worker.row, count: worker.rows };
  const name = worker.name || null;
  const facts = { cause: error.cause, worker: name, samples, attempts };
  const last = samples.first + samples.count - 1;
  const which = samples.count === 1 ? `sample ${last}` : `samples ${samples.first} to ${last}`;
  if (attempts === 0) return new WorkerError(`No worker computes ${which}: ${reason}`, facts);
  const [verb, them] = samples.count === 1 ? ['was', 'it'] : ['were', 'them'];
  const lost = `S${which.slice(1)} ${verb} lost`;
  const whom =
    attempts === 1
      ? `with the worker that had ${them}, ${name}`
      : `${attempts} times, the last time with ${name}`;
  return new WorkerError(`${lost} ${whom}: ${reason}`, facts);
}
