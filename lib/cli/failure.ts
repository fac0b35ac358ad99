import { CommanderError } from 'commander';

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

/** One message for a person: no stack, unless `DEBUG` is set. */
export function describeError(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return debug && error.stack ? error.stack : error.message;
}
