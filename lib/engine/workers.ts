/** What a run on workers failed with, in terms of the run's samples. */
import type { NativeWorkerFailure } from '../binding/contract.js';
import { workerName } from '../distribute/strategy.js';
import { KerasExplainableError, WorkerError } from '../errors.js';
import type { Model } from '../model/model.js';

/** The WorkerError that `error`, of the run whose first sample is `first`, tells of; any other error as it is. */
export function withSamples(error: unknown, model: Model, first: number): unknown {
  if (!(error instanceof KerasExplainableError)) return error;
  const { worker } = (error.cause ?? {}) as { worker?: NativeWorkerFailure };
  if (worker === undefined) return error;
  const { cause } = error;
  const reason = error.message.replaceAll('grpc://', '');
  if (worker.row < 0) {
    return new WorkerError(sentence(reason), { cause, worker: null, samples: null, attempts: 0 });
  }
  const attempts = model.core.strategy.retries + 1;
  const samples = { first: first + worker.row, count: worker.rows };
  const name = workerName(worker.name);
  const which =
    worker.rows === 1
      ? `Sample ${samples.first} was`
      : `Samples ${samples.first} to ${samples.first + worker.rows - 1} were`;
  const times = attempts === 1 ? 'the worker that had them' : `${attempts} workers, one after the other`;
  const [, why = reason] = /; the last was .*?: (.*)$/s.exec(reason) ?? [];
  return new WorkerError(`${which} lost with ${times}; the last was ${name}: ${why}`, {
    cause,
    worker: name,
    samples,
    attempts,
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
