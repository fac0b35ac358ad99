import { KerasExplainableError } from '../support/errors.js';

/** Thrown if an explainer's queue is full. The call was not accepted and may be retried later. */
export class QueueFullError extends KerasExplainableError {
  /** The number of waiting calls. */
  readonly waiting: number;
  readonly maxQueueSize: number;
  /** The estimated time until the queue has space, from the recent rate of answers. At least 1. */
  readonly retryAfterMs: number;

  constructor(waiting: number, maxQueueSize: number, retryAfterMs: number) {
    super(
      'RESOURCE_EXHAUSTED',
      `${waiting} calls already wait, the maximum that \`maxQueueSize\` allows. Try again in about ${retryAfterMs} ms, ` +
        'or add processes.',
    );
    this.waiting = waiting;
    this.maxQueueSize = maxQueueSize;
    this.retryAfterMs = retryAfterMs;
  }
}
