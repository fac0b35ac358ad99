/** What tests of processes that come and go are waiting for. */
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const gone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

export async function until(holds: () => boolean, milliseconds = 10_000): Promise<void> {
  for (const end = performance.now() + milliseconds; !holds(); await sleep(20)) {
    if (performance.now() > end) throw new Error(`It did not become so: ${holds}`);
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Its line that says that it is ready. */
export async function ready(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const block of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += block;
    const line = text.split('\n').find((each) => each.includes('ready'));
    if (line !== undefined && text.endsWith('\n')) return line;
  }
  throw new Error(`It ended: ${text}`);
}
