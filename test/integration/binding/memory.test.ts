/** What becomes of tensors that JavaScript drops: in processes of their own, where the collector can be called. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ensureTensorflow } from '../../../lib/binding/loader.js';

const REFUSED = { KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS: '1' };

let library: string;
beforeAll(async () => {
  library = (await ensureTensorflow()).loadedPath() ?? '';
});

/** What the script prints. */
function run(script: string, env: Record<string, string> = {}): Record<string, number | boolean | string> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawnSync(process.execPath, ['--expose-gc', path, library], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  expect(child.stderr.replace(/^(WARNING|I0000).*\n/gm, '')).toBe('');
  return JSON.parse(child.stdout);
}

describe('memory', () => {
  it('goes back with the garbage collector, views keeping it', () => {
    expect(run('./memory.mjs')).toEqual({
      external: true,
      view: 7,
      doubled: 14,
      before: 101,
      after: 1,
      copied: false,
      detached: 'ran',
      grown: false,
    });
  });

  it('works where external buffers are refused, with copies', () => {
    expect(run('./memory.mjs', REFUSED)).toEqual({
      external: false,
      view: 7,
      doubled: 14,
      before: 100,
      after: 0,
      copied: true,
      detached: 'FAILED_PRECONDITION',
      grown: false,
    });
  });

  // 12 GB of outputs. The engine is told of each, so that it collects them as they come.
  it.each([
    ['the engine is told of', {}],
    ['the engine has itself', REFUSED],
  ])('that %s is bounded by the collector alone, without a release', (_, env) => {
    const { sum, most, live, left } = run('./collector.mjs', env);
    expect(sum).toBe(6100);
    expect(most).toBeLessThan(1000);
    expect(live).toBeLessThan(1000);
    // Targets of runs that succeeded and of runs that failed.
    expect(left).toBe(0);
  });
});
