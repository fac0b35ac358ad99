import { CommanderError } from 'commander';
import { ResourceError } from '../../support/errors.js';

/** The exit codes of the process. */
export const exitCodes = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Wrong arguments. The message names the argument, the expected value and the received value. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Returns the exit code for an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  return error instanceof UsageError ? exitCodes.usage : exitCodes.failure;
}

const OUT_OF_MEMORY =
  'There is not enough memory. Choose a smaller --batch-size, --size or --scales, or explain fewer units.';

/** Returns the message of an error for the user. The stack is included only if `debug` is true (`DEBUG` is set). */
export function describeError(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  if (debug && error.stack) return error.stack;
  // TensorFlow's message describes at length which tensor did not fit. Only its first line is shown.
  return error instanceof ResourceError
    ? `${OUT_OF_MEMORY} (${error.message.split('\n', 1)[0]})`
    : error.message;
}
