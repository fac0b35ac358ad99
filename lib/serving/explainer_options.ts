import { STEP_OPTIONS, type StepOptions } from '../engine/explain_step.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import { checkInteger, checkIsObject, checkMilliseconds } from '../support/arguments.js';

export interface QueueOptions {
  /** The maximum number of calls in a batch. Default 8. Always 1 for a model that mixes samples. */
  readonly maxBatchSize?: number;
  /**
   * The maximum time in milliseconds that a call waits for other calls while another batch is computed and a replica is
   * idle. Default 5. 0: calls never wait for others. If no batch is in flight, a call is sent without this delay.
   */
  readonly maxDelayMs?: number;
  /** The maximum number of waiting calls. Further calls are refused with a QueueFullError. Default 256. */
  readonly maxQueueSize?: number;
}

/** The options of the queue, and the options of all calls. */
export interface ExplainerOptions extends QueueOptions, StepOptions {}

/** {@link ExplainerOptions} and the parameters of the method itself. */
export type ExplainerOptionsFor<M extends AnyMethod> = ExplainerOptions & MethodParameters<M>;

const QUEUE_OPTIONS = ['maxBatchSize', 'maxDelayMs', 'maxQueueSize'] as const;

/** The names that are suggested for a misspelled option. */
export const EXPLAINER_OPTIONS: readonly string[] = [...QUEUE_OPTIONS, ...STEP_OPTIONS];

/** The options of `explain` that an explainer does not have, and what to do instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  batchSize: 'Calls are joined into batches as they arrive. `maxBatchSize` limits the size of a batch.',
  steps: 'Calls are joined into batches as they arrive.',
  workers: 'Every call has one sample, so no source is read.',
  useMultiprocessing: 'Every call has one sample, so no source is read.',
  verbose: 'An explainer prints nothing. Use `stats()`.',
  callbacks: 'Calls are joined into batches as they arrive. Use `stats()`.',
  onProgress: 'Calls are joined into batches as they arrive. Use `stats()`.',
  force: 'An explainer records its method once. Create another explainer to record the method again.',
  signal: 'Pass it to the calls: `explainer.explain(x, y, { signal })`.',
  timeout: 'Pass it to the calls: `explainer.explain(x, y, { timeout })`.',
  client: 'Pass it to the calls: `explainer.explain(x, y, { client })`.',
  into: 'Every call returns new tensors.',
};

/** Divides the options into those of the queue, with defaults, and those that are recorded with the method. */
export function divideOptions(options: object): [queue: Required<QueueOptions>, params: object] {
  checkIsObject('options', options);
  for (const [name, mend] of Object.entries(ELSEWHERE)) {
    if (name in options) {
      throw Object.assign(new TypeError(`\`createExplainer\` has no option "${name}". ${mend}`), {
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

/** A minute. A service that accepts longer delays needs no queue. */
const LONGEST_DELAY = 60_000;
