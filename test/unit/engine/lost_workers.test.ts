import { describe, expect, test } from 'vitest';
import type { NativeWorkerFailure } from '../../../lib/binding/contract.js';
import { withSamples } from '../../../lib/engine/failures/lost_workers.js';
import { KerasExplainableError, WorkerError } from '../../../lib/support/errors.js';

const FAILURE: NativeWorkerFailure = {
  name: 'host:2222',
  reason: 'host:2222 does not answer',
  attempts: 4,
  row: 2,
  rows: 2,
};
const told = (failure: Partial<NativeWorkerFailure>, first = 10) =>
  withSamples(
    new KerasExplainableError('UNAVAILABLE', 'native', { cause: { worker: { ...FAILURE, ...failure } } }),
    first,
  ) as WorkerError;

describe('withSamples', () => {
  test("names the run's samples, the worker and its reason", () => {
    const error = told({});
    expect(error).toBeInstanceOf(WorkerError);
    expect(error).toMatchObject({ worker: 'host:2222', samples: { first: 12, count: 2 }, attempts: 4 });
    expect(error.message).toBe(
      'Samples 12 to 13 were lost 4 times, the last time with host:2222: host:2222 does not answer',
    );
    expect(told({ attempts: 1, rows: 1 }).message).toBe(
      'Sample 12 was lost with the worker that had it, host:2222: host:2222 does not answer',
    );
  });

  test('says that none is up', () => {
    const error = told({ attempts: 0, name: '', reason: 'no worker is up' }, 0);
    expect(error).toMatchObject({ worker: null, attempts: 0 });
    expect(error.message).toBe('No worker computes samples 2 to 3: no worker is up');
  });

  test('leaves other errors as they are', () => {
    const plain = new KerasExplainableError('INTERNAL', 'plain');
    expect(withSamples(plain, 0)).toBe(plain);
    expect(withSamples('text', 0)).toBe('text');
  });
});
