/** Measures the example service with autocannon. autocannon runs in this process, and the service in another. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import autocannon from 'autocannon';
import { ROOT } from '../../scripts/setup/process.mjs';
import { picture } from '../models.mjs';

const CONNECTIONS = 16;
const SECONDS = 4;

export const SERVER = {
  name: 'server',
  title: `examples/server, the demo's model (96 x 96), ${CONNECTIONS} connections`,
  metrics: {
    requests: { unit: '1/s', better: 'higher' },
    'latency p50': { unit: 'ms', better: 'lower' },
    'latency p97.5': { unit: 'ms', better: 'lower' },
    'latency p99': { unit: 'ms', better: 'lower' },
    errors: { unit: '', better: 'lower' },
  },
  async open() {
    const child = spawn(
      process.execPath,
      [
        path.join('examples', 'server', 'server.mjs'),
        ...[
          '--model',
          path.join('demo', 'model'),
          '--labels',
          path.join('demo', 'labels.txt'),
          '--port',
          '0',
        ],
      ],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const port = await ready(child);
    const body = picture();
    return {
      async measure() {
        const { requests, latency, errors, timeouts, non2xx } = await autocannon({
          url: `http://127.0.0.1:${port}/explain`,
          method: 'POST',
          headers: { 'content-type': 'image/png' },
          body,
          connections: CONNECTIONS,
          duration: SECONDS,
        });
        return {
          requests: requests.average,
          'latency p50': latency.p50,
          'latency p97.5': latency.p97_5,
          'latency p99': latency.p99,
          errors: errors + timeouts + non2xx,
        };
      },
      async close() {
        child.kill('SIGTERM');
        await once(child, 'exit');
      },
    };
  },
};

/** Waits until the service is ready and returns the port. */
async function ready(child) {
  let text = '';
  for await (const data of child.stdout.iterator({ destroyOnReturn: false })) {
    text += data;
    if (text.includes('"msg":"ready"')) {
      child.stdout.resume();
      return Number(text.match(/127\.0\.0\.1:(\d+)/)[1]);
    }
  }
  throw new Error(`The service has ended: ${text}`);
}
