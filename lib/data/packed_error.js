// @ts-check
/** An error as what threads can tell each other: structured cloning would lose its class, code and other fields. */

/**
 * @typedef {object} PackedError
 * @property {string} name
 * @property {string} message
 * @property {string | undefined} stack
 * @property {Record<string, unknown>} fields `code`, `path` and the like
 * @property {PackedError | undefined} cause
 */

/**
 * @param {unknown} error
 * @returns {PackedError}
 */
export function packError(error) {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, fields: {}, cause: undefined };
  }
  const fields = Object.entries(error).filter(([key, value]) => {
    return key !== 'name' && ['string', 'number', 'boolean'].includes(typeof value);
  });
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    fields: Object.fromEntries(fields),
    cause: error.cause === undefined ? undefined : packError(error.cause),
  };
}

const CLASSES = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/**
 * The error again, of its class where that is one of JavaScript's own, and with its name in any case.
 *
 * @param {PackedError} packed
 * @returns {Error}
 */
export function unpackError({ name, message, stack, fields, cause }) {
  const Class = Object.hasOwn(CLASSES, name) ? CLASSES[/** @type {keyof typeof CLASSES} */ (name)] : Error;
  const error = cause === undefined ? new Class(message) : new Class(message, { cause: unpackError(cause) });
  for (const [key, value] of Object.entries({ name, stack })) {
    if (value !== undefined && value !== error[/** @type {'name' | 'stack'} */ (key)]) {
      Object.defineProperty(error, key, { value, configurable: true, writable: true });
    }
  }
  return Object.assign(error, fields);
}
