/** Threads that read batches of one Sequence. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ReaderError } from '../support/errors.js';
import { type PackedError, unpackError } from './packed_error.js';

/** The worker data of a thread. */
export interface SequenceJob {
  readonly url: string;
  readonly args: unknown;
  readonly transfer: boolean;
}

type Answer = { readonly index: number; readonly batch: unknown } | { readonly error: PackedError };

/** The time that a thread has to close its Sequence before the thread is terminated. */
const CLOSING_MILLISECONDS = 1000;

/** Returns Node's options without those that pass a program on the command line. Worker threads refuse the latter. */
function ownOptions(options: readonly string[]): string[] {
  const taking = ['-e', '--eval', '-p', '-pe', '--print', '--input-type'];
  return options.filter((option, i) => {
    const isValue = taking.includes(options[i - 1] ?? '');
    return !isValue && !taking.includes(option) && !option.startsWith('--input-type=');
  });
}

interface Pending {
  readonly index: number;
  readonly resolve: (batch: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread that reads one batch at a time. It keeps the process alive only while it reads. */
class SequenceThread {
  readonly #thread: Worker;
  readonly #number: number;
  readonly #exited: Promise<void>;
  #pending: Pending | null = null;
  #failure: { readonly cause: unknown } | null = null;
  #closing: ((error: unknown) => void) | null = null;

  constructor(job: SequenceJob, number: number) {
    this.#number = number;
    this.#thread = new Worker(new URL('./sequence_thread.js', import.meta.url), {
      workerData: job,
      execArgv: ownOptions(process.execArgv),
      name: `keras-explainable reader ${number}`,
    });
    this.#thread.unref();
    this.#thread.on('message', (answer: Answer) => this.#hear(answer));
    this.#thread.on('messageerror', (cause) => this.#fail(cause));
    this.#thread.on('error', (cause) => this.#fail(cause));
    this.#exited = new Promise((resolve) => {
      this.#thread.once('exit', (code) => {
        this.#fail(new Error(`The thread ended with exit code ${code}.`));
        resolve();
      });
    });
  }

  #hear(answer: Answer): void {
    if ('error' in answer) {
      const error = unpackError(answer.error);
      if (this.#closing !== null) this.#closing(error);
      else this.#settle(({ reject }) => reject(error));
    } else this.#settle(({ resolve }) => resolve(answer.batch));
  }

  #settle(how: (pending: Pending) => void): void {
    const pending = this.#pending;
    this.#pending = null;
    this.#thread.unref();
    if (pending !== null) how(pending);
  }

  #fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#settle(({ index, reject }) => reject(this.#died(index)));
  }

  #died(index: number): ReaderError {
    const { cause } = this.#failure as { readonly cause: unknown };
    const why = cause instanceof Error ? cause.message : String(cause);
    return new ReaderError(`Thread ${this.#number} crashed while it read batch ${index}: ${why}`, {
      thread: this.#number,
      index,
      cause,
    });
  }

  read(index: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#died(index));
        return;
      }
      this.#pending = { index, resolve, reject };
      this.#thread.ref();
      this.#thread.postMessage(index);
    });
  }

  /** Lets the thread close its Sequence, then terminates the thread. Errors of the Sequence are thrown. */
  async close(): Promise<void> {
    if (this.#failure !== null) return;
    this.#thread.ref();
    const failed = new Promise<never>((_, reject) => {
      this.#closing = reject;
    });
    // The error arrives before the exit and is reported even if both have arrived.
    failed.catch(() => undefined);
    this.#thread.postMessage('close');
    const late = new AbortController();
    try {
      const time = sleep(CLOSING_MILLISECONDS, undefined, { signal: late.signal }).catch(() => undefined);
      await Promise.race([failed, this.#exited, time]);
    } finally {
      late.abort();
      await this.terminate();
    }
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** Reads several batches at once, each in its own thread. Threads start when they are needed. */
export class SequencePool {
  readonly length: number;
  readonly #job: SequenceJob;
  readonly #signal: AbortSignal;
  readonly #threads: SequenceThread[] = [];
  readonly #idle: SequenceThread[] = [];

  constructor(length: number, job: SequenceJob, signal: AbortSignal) {
    this.length = length;
    this.#job = job;
    this.#signal = signal;
  }

  readonly at = async (index: number): Promise<unknown> => {
    const thread = this.#idle.pop() ?? this.#begin();
    const batch = await thread.read(index);
    // A thread whose read failed does not become idle, because the run ends.
    this.#idle.push(thread);
    return batch;
  };

  #begin(): SequenceThread {
    const thread = new SequenceThread(this.#job, this.#threads.length);
    this.#threads.push(thread);
    return thread;
  }

  /** Ends all threads: at once if the run was aborted or failed, otherwise after they have closed their Sequences. */
  readonly close = async (): Promise<void> => {
    const atOnce = this.#signal.aborted || this.#idle.length < this.#threads.length;
    const ends = this.#threads.map((thread) => (atOnce ? thread.terminate() : thread.close()));
    const results = await Promise.allSettled(ends);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };
}
