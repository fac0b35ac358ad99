/** The codes of the warnings that were emitted about each object. */
const warned = new WeakMap<object, Set<string>>();

/** Returns whether {@link warnOnce} has emitted a warning with this `code` about `subject`. */
export function hasWarned(subject: object, code: string): boolean {
  return warned.get(subject)?.has(code) ?? false;
}

/** Emits a warning about `subject`, unless a warning with this `code` was emitted about `subject` before. */
export function warnOnce(subject: object, code: string, message: string): void {
  const codes = warned.get(subject) ?? new Set();
  warned.set(subject, codes);
  if (codes.has(code)) return;
  codes.add(code);
  process.emitWarning(message, { type: 'KerasExplainableWarning', code });
}
