/**
 * Scenarios of soak.mjs that are promised, as often as is promised. `npm run test:soak` runs all of them: killed
 * workers take a minute and more (processes.test.ts kills some), and are only interrupted here.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('soak.mjs', import.meta.url));
const NAMES = ['small calls', 'loads and closes', 'aborts'];

async function soak(names: readonly string[], ...args: string[]): Promise<void> {
  const only = names.flatMap((name) => ['--only', name]);
  // A group of its own: where the test is given up, its scenarios end with it.
  const child = spawn(process.execPath, [SCRIPT, ...only, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  onTestFinished(() => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (block: string) => {
      text += block;
    });
  }
  const [code, signal] = await once(child, 'close');
  expect({ code, signal }, text).toEqual({ code: 0, signal: null });
  for (const name of names) expect(text).toContain(`${name}: `);
}

const linux = process.platform === 'linux';

test.runIf(linux)('memory, threads and files stay where they are', { timeout: 600_000 }, () => soak(NAMES));

test.runIf(linux)('SIGINT ends each at once, cleanly', { timeout: 120_000 }, () =>
  soak([...NAMES, 'workers killed'], '--interrupts', '1'),
);
