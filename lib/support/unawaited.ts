/**
 * Takes a promise that nobody waits for, where a function of the caller's was expected to return none: that it fails
 * would end the process. It is a warning instead.
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
