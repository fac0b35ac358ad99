/**
 * The same call gives the same bits again: in one process, and in others. docs/running.md ("The same bits again") says
 * what of this is no promise.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('bit_equality_process.mjs', import.meta.url));

/** What each method gave in a process of its own, by configuration and method: every sum that came out. */
async function sumsOf(times: number, ...configurations: string[]): Promise<Map<string, readonly string[]>> {
  const args = [script, String(times), ...configurations];
  const { stdout } = await promisify(execFile)(process.execPath, args, { encoding: 'utf8' });
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { key: string; sums: string[] });
  return new Map(lines.map(({ key, sums }) => [key, sums]));
}

const METHODS = 8;

test.each([
  [
    'replicas, turns at once, bfloat16, brief runs',
    ['two replicas', 'a lone sample', 'bfloat16', 'mirrored', 'brief'],
  ],
  ['ops of two threads', ['ops of two threads']],
])('%s: repeated, and in another process', { timeout: 600_000 }, async (_, configurations) => {
  const repeated = await sumsOf(2, ...configurations);
  expect(repeated.size).toBe(METHODS * configurations.length);
  for (const [key, sums] of repeated) expect(sums, key).toHaveLength(1);
  const elsewhere = await sumsOf(1, ...configurations);
  expect(Object.fromEntries(elsewhere)).toEqual(Object.fromEntries(repeated));
  // They tell methods apart.
  expect(new Set([...repeated.values()].map(([sum]) => sum)).size).toBeGreaterThanOrEqual(METHODS);
});
