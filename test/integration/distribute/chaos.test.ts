/** A short run of chaos.mjs: `npm run test:chaos` is the long one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('chaos.mjs', import.meta.url));

test('nothing is lost while workers are killed, stopped and restarted at random', {
  timeout: 120_000,
}, async () => {
  const child = spawn(process.execPath, ['--expose-gc', SCRIPT, '--seconds', '15']);
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (block: string) => {
    out += block;
  });
  child.stderr.setEncoding('utf8').on('data', (block: string) => {
    err += block;
  });
  // It ends by itself: nothing holds it.
  const [code, signal] = await once(child, 'close');
  expect({ code, signal }, err).toEqual({ code: 0, signal: null });
  const found = JSON.parse(out);
  expect(found.wrong).toEqual([]);
  expect(found.samples).toBeGreaterThan(100);
  expect(found.SIGKILL + found.SIGTERM + found.SIGSTOP).toBeGreaterThan(2);
});
