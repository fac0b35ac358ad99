/**
 * Turns a rejection of `value` into a warning. A user's function that must be synchronous may return a promise by
 * mistake. An unhandled rejection of that promise would end the process.
 */
export function warnIfUnawaited(value: unknown, name: string): void {
  if (!(value instanceof Promise)) return;
  value.catch((error: unknown) => {
    const why = error instanceof Error ? error.message : 'for a reason that is no Error';
    process.emitWarning(`${name} returned a promise, which nobody waits for, and it failed: ${why}`, {
      type: 'KerasExplainableWarning',
      code: 'LATE_FAILURE',
    });
  });
}
