import { expect, test } from 'vitest';
import { Pace } from '../../../lib/support/pace.js';

function work(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test('a slice ends, and a new one begins with the next turn', async () => {
  const pace = new Pace();
  expect(pace.due).toBe(false);
  work(1);
  expect(pace.due).toBe(true);
  await pace.rest();
  expect(pace.due).toBe(false);
});

test('pieces of work in one turn share its slice', async () => {
  await new Pace().rest();
  const first = new Pace();
  work(1);
  // Another piece, begun in the same turn, has no slice left either.
  expect(new Pace().due).toBe(true);
  await first.rest();
  expect(new Pace().due).toBe(false);
});
