/** Starts the thread that reads a graph model, and receives what the thread reads. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ModelError } from '../../support/errors.js';
import type { GraphModelParts } from './graph_model_reader.js';

export type ReaderRequest = 'next' | 'close';

export type ReaderAnswer =
  | { readonly parts: GraphModelParts }
  /** A piece of the value of the variable of this number. */
  | { readonly variable: number; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly isDone: true }
  | { readonly error: { readonly code: string; readonly message: string } };

/** A hostile JSON text of 64 MB may need several GB, at which the thread ends and the process does not. */
const MOST_HEAP_MIB = 2048;

/**
 * Reads the graph model at `path` on a thread. `use` receives the parts and returns the function that receives the
 * pieces of the variables' values.
 *
 * @throws ModelError: the errors of GraphModelReader, and `RESOURCE_EXHAUSTED` if the file needs too much memory.
 */
export async function readOnThread(
  path: string,
  use: (parts: GraphModelParts) => (variable: number, bytes: Uint8Array, offset: number) => void,
): Promise<void> {
  const thread = new Worker(threadPath(), {
    workerData: { path },
    execArgv: [],
    name: 'keras-explainable model reader',
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB },
  });
  const ask = (request: ReaderRequest) => thread.postMessage(request);
  try {
    await new Promise<void>((resolve, reject) => {
      let take: ((variable: number, bytes: Uint8Array, offset: number) => void) | null = null;
      thread.on('message', (answer: ReaderAnswer) => {
        try {
          if ('error' in answer) throw new ModelError(answer.error.code, answer.error.message);
          if ('isDone' in answer) return resolve();
          if ('parts' in answer) take = use(answer.parts);
          else take?.(answer.variable, answer.bytes, answer.offset);
          ask('next');
        } catch (error) {
          reject(error);
        }
      });
      thread.once('error', (cause: NodeJS.ErrnoException) => {
        const isMemory = cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
        const why = isMemory ? 'reading it needs more memory than any model does' : cause.message;
        reject(
          new ModelError(isMemory ? 'RESOURCE_EXHAUSTED' : 'INTERNAL', `${path} cannot be read: ${why}.`, {
            cause,
          }),
        );
      });
      thread.once('exit', (code) =>
        reject(
          new ModelError('INTERNAL', `${path} cannot be read: the reader thread ended with code ${code}.`),
        ),
      );
    });
  } finally {
    await thread.terminate();
  }
}

/** Returns the path of the thread's program: next to this file, or in `dist/` if this file runs from source. */
function threadPath(): string {
  const places = ['./reader_thread.js', '../../../dist/keras/graph_model/reader_thread.js'].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  return places.find(existsSync) ?? (places[0] as string);
}
