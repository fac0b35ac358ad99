import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkBoolean, checkNoNul, checkOptions, wrongType } from '../support/arguments.js';
import { SequencePool } from './sequence_pool.js';
import { type BatchLike, checkLength, isSequence, type Sequence } from './source.js';

export interface ModuleSequenceOptions {
  /**
   * Hand over, without a copy, the arrays that `at` gives in a thread, where they are all of their buffer: `at` must
   * then make new ones each time, as what was handed over is empty afterwards. Default false: they are copied in the
   * thread.
   */
  readonly transfer?: boolean;
}

/** A Sequence that a module makes, so that threads can make it, too. Made by {@link moduleSequence}. */
export class ModuleSequence implements Sequence {
  readonly url: string;
  readonly length: number;
  readonly samples: number | undefined;
  readonly batchSize: number | undefined;
  readonly #args: unknown;
  readonly #transfer: boolean;
  readonly #here: Sequence;

  /** @internal */
  constructor(url: string, args: unknown, transfer: boolean, here: Sequence) {
    this.url = url;
    this.length = checkLength(here);
    this.samples = here.samples;
    this.batchSize = here.batchSize;
    this.#args = args;
    this.#transfer = transfer;
    this.#here = here;
  }

  /** Reads batch `index` in this thread. */
  at(index: number, signal?: AbortSignal): BatchLike | Promise<BatchLike> {
    return this.#here.at(index, signal);
  }

  /** Closes what this thread has of it. */
  close(): void | Promise<void> {
    return this.#here.close?.();
  }

  /** @internal Threads that read the first `length` batches. `signal`: the run's. */
  open(length: number, signal: AbortSignal): SequencePool {
    return new SequencePool(length, { url: this.url, args: this.#args, transfer: this.#transfer }, signal);
  }
}

/**
 * A Sequence from a module of its own, for `useMultiprocessing: true`: each of `workers` threads imports the module and
 * calls its default export, a function that returns the Sequence (or a promise of it). So does this thread, once, for
 * `length` and `samples`, and to read the batches where `useMultiprocessing` is off: what is costly belongs into `at`.
 *
 * @param url of the module, or its path; `new URL('./digits.js', import.meta.url)` finds it beside the caller. Threads
 *   run with the options of this process (`--import tsx`, ...), so that they read TypeScript where it does.
 * @param args what the function is called with; threads get a structured clone of it.
 * @throws TypeError where the module's default export is no function, or makes no Sequence. What the module throws.
 */
export async function moduleSequence(
  url: string | URL,
  args?: unknown,
  options: ModuleSequenceOptions = {},
): Promise<ModuleSequence> {
  if (typeof url === 'string') checkNoNul('url', url);
  const href = checkUrl(url);
  checkOptions('options', options, ['transfer']);
  const { transfer = false } = options;
  checkBoolean('transfer', transfer);
  try {
    structuredClone(args);
  } catch (cause) {
    throw wrongType('args', 'what threads can be sent (no functions)', args, (cause as Error).message);
  }
  const module: { readonly default?: unknown } = await import(href);
  const { default: make } = module;
  if (typeof make !== 'function') throw wrongType('url', 'a module whose default export is a function', make);
  const here: unknown = await make(args);
  if (typeof here !== 'object' || here === null || !isSequence(here)) {
    const expected =
      'a module whose default export returns a Sequence: an object with `length` and `at(index)`';
    throw wrongType('url', expected, here);
  }
  return new ModuleSequence(href, args, transfer, here);
}

function checkUrl(url: unknown): string {
  if (url instanceof URL) return url.href;
  if (typeof url !== 'string' || url === '') throw wrongType('url', "a module's URL or path", url);
  return /^(?:file|data|node):/.test(url) ? url : pathToFileURL(resolve(url)).href;
}
