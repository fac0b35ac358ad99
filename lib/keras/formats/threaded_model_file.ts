/** A model file whose reader works on a thread of its own. */
import { Worker } from 'node:worker_threads';
import { ModelError } from '../../support/errors.js';
import type { ArraySink, KerasModelFile } from '../model_file.js';
import type { StoredArray } from '../stored_weights.js';
import type { Answer, Request, ThreadData } from './model_file_thread.js';
import type { ModelIndex } from './model_reader.js';
import type { ModelFile } from './open_reader.js';
import { makeSharedMemory, type Piece, PieceReader } from './piece_channel.js';

/** A thread that neither reads nor finishes for so long is lost in a damaged file. Milliseconds. */
const PATIENCE = 60_000;

/** The heap of the thread, in MB. It holds the architecture and the index. */
const HEAP = 512;

/**
 * The program of the thread is compiled, also when this file runs from its source in tests. Both folders are in the
 * root of the package.
 */
const PROGRAM = new URL('../../../dist/keras/formats/model_file_thread.js', import.meta.url);

/** Answers to the request in progress. */
interface Pending {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
  readonly take: Take;
}

/** Receives a piece of an array. */
type Take = (piece: Piece, bytes: Uint8Array, offset: number) => void;

/** A thread that opens one file. It keeps the process alive only while it works. */
class ReaderThread {
  readonly #thread: Worker;
  readonly #pieces: PieceReader;
  readonly #path: string;
  readonly #patience: number;
  #pending: Pending | null = null;
  #failure: ModelError | null = null;

  constructor(file: ModelFile, program: URL, patience: number) {
    const memory = makeSharedMemory();
    this.#pieces = new PieceReader(memory);
    this.#path = file.path;
    this.#patience = patience;
    this.#thread = new Worker(program, {
      workerData: { file, memory } satisfies ThreadData,
      execArgv: [],
      name: 'keras-explainable model reader',
      resourceLimits: { maxOldGenerationSizeMb: HEAP },
      // The HDF5 library prints its errors, which the messages of errors contain.
      stdout: true,
      stderr: true,
    });
    this.#thread.unref();
    this.#thread.on('message', (answer: Answer) => this.#hear(answer));
    this.#thread.on('messageerror', (cause) => this.#fail('its answer cannot be read', cause));
    this.#thread.on('error', (cause) =>
      this.#fail(cause instanceof Error ? cause.message : String(cause), cause),
    );
    this.#thread.on('exit', () => this.#fail('its reader has ended'));
  }

  get isBusy(): boolean {
    return this.#pending !== null;
  }

  #hear(answer: Answer): void {
    if ('piece' in answer) this.#take(answer.piece);
    else if ('failed' in answer) {
      const { code, message } = answer.failed;
      this.#settle(({ reject }) => reject(new ModelError(code, message)));
    } else this.#settle(({ resolve }) => resolve(answer));
  }

  #take(piece: Piece): void {
    try {
      this.#pieces.receive(piece, (bytes) => this.#pending?.take(piece, bytes, piece.offset));
    } catch (error) {
      // The slot stays full, so the thread cannot be used further.
      this.#settle(({ reject }) => reject(error));
    }
  }

  #settle(how: (pending: Pending) => void): void {
    const pending = this.#pending;
    this.#pending = null;
    this.#thread.unref();
    if (pending !== null) how(pending);
  }

  #fail(reason: string, cause?: unknown): void {
    this.#failure ??= new ModelError('DATA_LOSS', `The file ${this.#path} cannot be read: ${reason}.`, {
      cause,
    });
    const failure = this.#failure;
    this.#settle(({ reject }) => reject(failure));
  }

  /** Sends the request, if there is one, and waits for the answer. `take` receives pieces before the answer. */
  async answer(request: Request | null, take: Take = () => undefined): Promise<Answer> {
    const watch = this.#watch();
    try {
      return await new Promise((resolve, reject) => {
        if (this.#failure !== null) {
          reject(this.#failure);
          return;
        }
        this.#pending = { resolve, reject, take };
        this.#thread.ref();
        if (request !== null) this.#thread.postMessage(request);
      });
    } finally {
      clearInterval(watch);
    }
  }

  /** Ends the thread if it neither reads nor answers. */
  #watch(): NodeJS.Timeout {
    let seen = -1;
    let since = performance.now();
    return setInterval(() => {
      const { progress, isWaiting } = this.#pieces;
      if (isWaiting || progress !== seen) {
        seen = progress;
        since = performance.now();
      } else if (performance.now() - since >= this.#patience) {
        this.#fail(
          `its reader made no progress for ${this.#patience / 1000} seconds, so the file is damaged`,
        );
        void this.close();
      }
    }, this.#patience / 60).unref();
  }

  async close(): Promise<void> {
    this.#failure ??= new ModelError('CLOSED', `The file ${this.#path} is closed.`);
    await this.#thread.terminate();
  }
}

/**
 * Opens the file on a thread.
 *
 * @param program for tests: another program of the thread.
 */
export async function openOnThread(
  file: ModelFile,
  program = PROGRAM,
  patience = PATIENCE,
): Promise<KerasModelFile | 'graph-model'> {
  const thread = new ReaderThread(file, program, patience);
  try {
    const answer = (await thread.answer(null)) as Extract<Answer, { opened: unknown }>;
    if (answer.opened !== 'graph-model') return new ThreadedModelFile(answer.opened, thread);
    await thread.close();
    return 'graph-model';
  } catch (error) {
    await thread.close();
    throw error;
  }
}

class ThreadedModelFile implements KerasModelFile {
  readonly format: string;
  readonly path: string;
  readonly architecture: KerasModelFile['architecture'];
  readonly kerasVersion: string;
  readonly backend: string;
  readonly weights: KerasModelFile['weights'];
  readonly #thread: ReaderThread;

  constructor(index: ModelIndex, thread: ReaderThread) {
    this.format = index.format;
    this.path = index.path;
    this.architecture = index.architecture;
    this.kerasVersion = index.kerasVersion;
    this.backend = index.backend;
    this.weights = index.weights;
    this.#thread = thread;
  }

  async readArrays(arrays: readonly StoredArray[], sink: ArraySink): Promise<void> {
    if (this.#thread.isBusy)
      throw new ModelError('FAILED_PRECONDITION', `The file ${this.path} is being read.`);
    const byIndex = new Map(arrays.map((array) => [array.index, array]));
    try {
      await this.#thread.answer([...byIndex.values()], ({ array }, bytes, offset) =>
        sink(byIndex.get(array) as StoredArray, bytes, offset),
      );
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
