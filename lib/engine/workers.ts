/** What a run on workers failed with, in terms of the run's samples. */
import type { NativeWorkerFailure } from '../binding/contract.js';
import { workerName } from '../distribute/strategy.js';
import { KerasExplainableError, WorkerError } from '../errors.js';

/** As native code says it where workers had the samples: else none was up. */
const LOST = / were lost with (\d+) replicas; the last was .*?: (.*)$/s;

/** The WorkerError that `error`, of the run whose first sample is `first`, tells of; any other error as it is. */
export function withSamples(error: unknown, first: number): unknown {
  if (!(error instanceof KerasExplainableError)) return error;
  const { worker } = (error.cause ?? {}) as { worker?: NativeWorkerFailure };
  if (worker === undefined) return error;
  const { cause } = error;
  const reason = error.message.replaceAll('grpc://', '');
  const samples = { first: first + worker.row, count: worker.rows };
  const name = worker.name === '' ? null : workerName(worker.name);
  const [, replicas, why] = LOST.exec(reason) ?? [];
  const attempts = Number(replicas ?? 0);
  const facts = { cause, worker: name, samples, attempts };
  const last = samples.first + samples.count - 1;
  const which = samples.count === 1 ? `sample ${last}` : `samples ${samples.first} to ${last}`;
  if (why === undefined) return new WorkerError(`No worker computes ${which}: ${reason}`, facts);
  const verb = samples.count === 1 ? 'was' : 'were';
  const times = attempts === 1 ? 'the worker that had them' : `${attempts} workers, one after the other`;
  return new WorkerError(
    `S${which.slice(1)} ${verb} lost with ${times}; the last was ${name}: ${why}`,
    facts,
  );
}
