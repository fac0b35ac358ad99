import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkBoolean, checkNoNul, checkOptions, wrongType } from '../support/arguments.js';
import { SequencePool } from './sequence_pool.js';
import { type BatchLike, checkLength, isSequence, type Sequence } from './source.js';

export interface ModuleSequenceOptions {
  /**
   * Whether a thread transfers the arrays that `at` returns instead of copying them. Only arrays that cover their whole
   * buffer are transferred. A transferred array is empty afterwards, so `at` must create new arrays on each call.
   * Default false: the thread copies the arrays.
   */
  readonly transfer?: boolean;
}

/** A Sequence that a module creates, so that each thread can create its own. Returned by {@link moduleSequence}. */
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

  /** Closes the Sequence of this thread. */
  close(): void | Promise<void> {
    return this.#here.close?.();
  }

  /** @internal Returns threads that read the first `length` batches. `signal` is the run's signal. */
  open(length: number, signal: AbortSignal): SequencePool {
    return new SequencePool(length, { url: this.url, args: this.#args, transfer: this.#transfer }, signal);
  }
}

/**
 * Returns a Sequence that a module creates, for `useMultiprocessing: true`. The default export of the module is a
 * function that returns the Sequence or a promise of the Sequence. Each of `workers` threads imports the module and
 * calls this function. The calling thread also does so once, to know `length` and `samples`, and to read the batches if
 * `useMultiprocessing` is false. Costly work therefore belongs in `at`.
 *
 * @param url URL or path of the module. `new URL('./digits.js', import.meta.url)` is a module beside the caller.
 *   Threads run with the options of this process (for example `--import tsx`), so they can read TypeScript if this
 *   process can.
 * @param args argument of the function. Threads receive a structured clone.
 * @throws TypeError if the default export is not a function or does not return a Sequence. Errors of the module are
 *   thrown unchanged.
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
