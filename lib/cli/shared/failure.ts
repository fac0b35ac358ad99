import { CommanderError } from 'commander';
import { ResourceError } from '../../support/errors.js';

/** What the process ends with. */
export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Wrong arguments: the message says which one, what was expected and what was received. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  return error instanceof UsageError ? exitCodes.usage : exitCodes.failure;
}

const OUT_OF_MEMORY =
  'There is not enough memory. Choose a smaller --batch-size, --size or --scales, or explain fewer units.';

/** One message for a person: no stack, unless `DEBUG` is set. */
export function describeError(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (debug && error.stack) return error.stack;
  // TensorFlow says at length which of its tensors did not fit.
  return error instanceof ResourceError
    ? `${OUT_OF_MEMORY} (${error.message.split('\n', 1)[0]})`
    : error.message;
}
