import { STEP_OPTIONS, type StepOptions } from '../engine/explain_step.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import { checkInteger, checkIsObject, checkMilliseconds } from '../support/arguments.js';

export interface QueueOptions {
  /** Most calls that are computed as one batch. Default 8. */
  readonly maxBatchSize?: number;
  /**
   * The longest that a call waits for others to share its batch, in milliseconds, while another batch is computed and
   * a replica is idle. Default 5. A call never waits for company where nothing else is under way; 0: nor elsewhere.
   */
  readonly maxDelayMs?: number;
  /** Most calls that wait; one more is refused with a QueueFullError. Default 256. */
  readonly maxQueueSize?: number;
}

/** How calls are put together, and what every one of them gets. */
export interface ExplainerOptions extends QueueOptions, StepOptions {}

/** {@link ExplainerOptions} and the parameters of the method itself. */
export type ExplainerOptionsFor<M extends AnyMethod> = ExplainerOptions & MethodParameters<M>;

const QUEUE_OPTIONS = ['maxBatchSize', 'maxDelayMs', 'maxQueueSize'] as const;

/** What a misspelled option may have meant. */
export const EXPLAINER_OPTIONS: readonly string[] = [...QUEUE_OPTIONS, ...STEP_OPTIONS];

/** Options of `explain` that are not an explainer's, and what to do instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  batchSize: 'Calls are put together as they come: bound a batch by `maxBatchSize`.',
  steps: 'Calls are put together as they come.',
  workers: 'Calls come one sample each: there is nothing to read.',
  useMultiprocessing: 'Calls come one sample each: there is nothing to read.',
  verbose: 'Nothing is printed: ask `stats()`.',
  callbacks: 'Calls are put together as they come: ask `stats()`.',
  onProgress: 'Calls are put together as they come: ask `stats()`.',
  force: 'The method is recorded once per explainer: make another one to have it recorded anew.',
  signal: 'Pass it to the calls: `explainer.explain(x, y, { signal })`.',
  timeout: 'Pass it to the calls: `explainer.explain(x, y, { timeout })`.',
  client: 'Pass it to the calls: `explainer.explain(x, y, { client })`.',
  into: 'Every call gets tensors of its own.',
};

/** The options apart: those of the queue, complete, and those that are recorded with the method. */
export function divideOptions(options: object): [queue: Required<QueueOptions>, params: object] {
  checkIsObject('options', options);
  for (const [name, mend] of Object.entries(ELSEWHERE)) {
    if (name in options) {
      throw Object.assign(new TypeError(`Option "${name}" is none of \`createExplainer\`. ${mend}`), {
        code: 'INVALID_ARGUMENT',
      });
    }
  }
  const { maxBatchSize = 8, maxDelayMs = 5, maxQueueSize = 256, ...params } = options as QueueOptions;
  checkInteger('maxBatchSize', maxBatchSize);
  checkMilliseconds('maxDelayMs', maxDelayMs, 0, LONGEST_DELAY);
  checkInteger('maxQueueSize', maxQueueSize);
  return [{ maxBatchSize, maxDelayMs, maxQueueSize }, params];
}

/** A minute: whoever waits longer for company wants no queue. */
const LONGEST_DELAY = 60_000;
