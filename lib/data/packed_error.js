// @ts-check
/** Packs errors for messages between threads. Structured cloning would lose the class, the code and other fields. */
import { types } from 'node:util';

/**
 * @typedef {object} PackedError
 * @property {string} name
 * @property {string} message
 * @property {string | undefined} stack
 * @property {Record<string, string | number | boolean>} fields own properties, for example `code` and `path`
 * @property {PackedError | undefined} cause
 * @property {PackedError[] | undefined} errors the errors of an AggregateError
 */

/** The maximum length of a chain of causes. Longer chains are cut. */
const MOST_NESTED = 16;
/** The maximum number of errors in all, including causes and errors of AggregateErrors. */
const MOST_ERRORS = 100;

/**
 * Packs any value that was thrown. Never throws: a property whose getter throws counts as absent. A cause that closes a
 * circle of causes is left out.
 *
 * @param {unknown} error
 * @returns {PackedError}
 */
export function packError(error) {
  return pack(error, [], { left: MOST_ERRORS });
}

/**
 * @param {unknown} error
 * @param {readonly unknown[]} above the errors that `error` is a cause or a part of
 * @param {{ left: number }} budget
 * @returns {PackedError}
 */
function pack(error, above, budget) {
  budget.left -= 1;
  if (!isError(error)) {
    return {
      name: 'Error',
      message: textOf(error),
      stack: undefined,
      fields: {},
      cause: undefined,
      errors: undefined,
    };
  }
  const path = [...above, error];
  /** @param {unknown} inner */
  const isLeftOut = (inner) => path.includes(inner) || path.length >= MOST_NESTED || budget.left <= 0;
  const [name, message, stack] = ['name', 'message', 'stack'].map((key) => read(error, key));
  const cause = read(error, 'cause');
  return {
    name: typeof name === 'string' && name !== '' ? name : 'Error',
    message: message === undefined ? '' : textOf(message),
    stack: typeof stack === 'string' ? stack : undefined,
    fields: fieldsOf(error),
    cause: cause === undefined || isLeftOut(cause) ? undefined : pack(cause, path, budget),
    errors: packErrors(error, (inner) => (isLeftOut(inner) ? undefined : pack(inner, path, budget))),
  };
}

/**
 * Packs the errors of an AggregateError. The last entry counts the errors that were left out. Returns undefined for any
 * other error.
 *
 * @param {object} error
 * @param {(inner: unknown) => PackedError | undefined} packInner
 */
function packErrors(error, packInner) {
  const errors = read(error, 'errors');
  if (!(error instanceof AggregateError) || !Array.isArray(errors)) return undefined;
  /** @type {PackedError[]} */
  const packed = [];
  for (let i = 0; i < Math.min(errors.length, MOST_ERRORS); i++) {
    const inner = packInner(read(errors, String(i)));
    if (inner !== undefined) packed.push(inner);
  }
  const more = errors.length - packed.length;
  if (more > 0) packed.push(packError(`${more} more ${more === 1 ? 'error' : 'errors'}, left out`));
  return packed;
}

/**
 * @param {unknown} value
 * @returns {value is object}
 */
function isError(value) {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false; // a trap of a Proxy threw
  }
}

/**
 * @param {object} object
 * @param {string} key
 * @returns {unknown}
 */
function read(object, key) {
  try {
    return /** @type {Record<string, unknown>} */ (object)[key];
  } catch {
    return undefined;
  }
}

/** @param {unknown} value */
function textOf(value) {
  try {
    return String(value);
  } catch {
    return 'a value that cannot be written as text';
  }
}

const PACKED_APART = ['name', 'message', 'stack', 'cause', 'errors'];

/** @param {object} error */
function fieldsOf(error) {
  /** @type {PackedError['fields']} */
  const fields = {};
  /** @type {string[]} */
  let keys = [];
  try {
    keys = Object.keys(error);
  } catch {
    // a trap of a Proxy threw
  }
  for (const key of keys) {
    const value = PACKED_APART.includes(key) ? undefined : read(error, key);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      Object.defineProperty(fields, key, { value, enumerable: true });
    }
  }
  return fields;
}

const CLASSES = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/**
 * Returns the unpacked error. Its class is kept if it is built into JavaScript. Its name is always kept.
 *
 * @param {PackedError} packed
 * @returns {Error}
 */
export function unpackError({ name, message, stack, fields, cause, errors }) {
  const options = cause === undefined ? undefined : { cause: unpackError(cause) };
  const Class = Object.hasOwn(CLASSES, name) ? CLASSES[/** @type {keyof typeof CLASSES} */ (name)] : Error;
  const error =
    errors === undefined
      ? new Class(message, options)
      : new AggregateError(errors.map(unpackError), message, options);
  for (const [key, value] of Object.entries({ name, stack })) {
    if (value !== undefined && value !== error[/** @type {'name' | 'stack'} */ (key)]) {
      Object.defineProperty(error, key, { value, configurable: true, writable: true });
    }
  }
  return Object.assign(error, fields);
}
