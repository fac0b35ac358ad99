/** The thread that reads a graph model. See `graph_model_thread.ts` for its other end. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ModelError } from '../../support/errors.js';
import { GraphModelReader } from './graph_model_reader.js';
import type { ReaderAnswer, ReaderRequest } from './graph_model_thread.js';

const port = parentPort as MessagePort;
const answer = (message: ReaderAnswer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
const next = () => new Promise<ReaderRequest>((resolve) => port.once('message', resolve));

async function run(path: string): Promise<void> {
  const reader = await GraphModelReader.open(path);
  answer({ parts: reader.parts });
  try {
    for (const [variable, weight] of reader.parts.variables.entries()) {
      // The other end asks for each piece, so that at most one waits there.
      await reader.read(weight, async (bytes, offset) => {
        if ((await next()) === 'close') process.exit();
        const copy = new Uint8Array(bytes);
        answer({ variable, bytes: copy, offset }, [copy.buffer]);
      });
    }
  } finally {
    await reader.close();
  }
  await next();
  answer({ isDone: true });
}

try {
  await run((workerData as { readonly path: string }).path);
} catch (error) {
  const { message } = error as Error;
  answer({ error: { code: error instanceof ModelError ? error.code : 'INTERNAL', message } });
}
// The thread ends although its port is open.
port.close();
