import { KerasExplainableError } from '../support/errors.js';

/** An explainer's queue is full: the call was not accepted, and may be made again later. */
export class QueueFullError extends KerasExplainableError {
  /** How many calls wait. */
  readonly waiting: number;
  readonly maxQueueSize: number;
  /** When there will probably be room again, by how fast calls were answered lately. At least 1. */
  readonly retryAfterMs: number;

  constructor(waiting: number, maxQueueSize: number, retryAfterMs: number) {
    super(
      'RESOURCE_EXHAUSTED',
      `${waiting} calls wait already, which is all that \`maxQueueSize\` allows. Try again in about ${retryAfterMs} ms, ` +
        'or add processes.',
    );
    this.waiting = waiting;
    this.maxQueueSize = maxQueueSize;
    this.retryAfterMs = retryAfterMs;
  }
}
