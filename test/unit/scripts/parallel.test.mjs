import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inParallel } from '../../../scripts/setup/parallel.mjs';

it('gives results in the order of the jobs, and runs no more at once than asked', async () => {
  let running = 0;
  let most = 0;
  const job = (turns, value) => async () => {
    most = Math.max(most, ++running);
    for (let i = 0; i < turns; i++) await setImmediate();
    running -= 1;
    return value;
  };
  expect(await inParallel([job(9, 'a'), job(1, 'b'), job(5, 'c'), job(1, 'd')], 2)).toEqual([
    'a',
    'b',
    'c',
    'd',
  ]);
  expect(most).toBe(2);
});

it('fails with the job that fails', async () => {
  await expect(inParallel([() => Promise.reject(new Error('no'))], 2)).rejects.toThrow('no');
});
