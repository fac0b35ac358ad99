/** Reads JSON texts of model files. */
import { ModelError } from '../../support/errors.js';
import { isObject, type Json, type JsonObject } from '../config.js';
import { MOST_JSON, MOST_JSON_DEPTH } from './limits.js';

/** Python writes these values, which JSON does not have. */
const PYTHON_NUMBERS = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs;

/**
 * Returns the object of a JSON text. NaN and Infinity, as Python writes them, are read as null and as infinite numbers.
 *
 * @param source names the text in messages: "config.json of model.keras".
 */
export function parseObject(text: string, source: string): JsonObject {
  checkDepth(text, source);
  let value: Json;
  try {
    value = parse(text);
  } catch (error) {
    throw new ModelError('DATA_LOSS', `${source} is no JSON text: ${(error as Error).message}.`);
  }
  if (isObject(value)) return value;
  throw new ModelError(
    'DATA_LOSS',
    `Expected an object in ${source} but the text begins with ${text.slice(0, 20)}.`,
  );
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    const replaced = text.replace(PYTHON_NUMBERS, (token) =>
      token === 'NaN'
        ? 'null'
        : token.endsWith('Infinity') && !token.startsWith('"')
          ? token.replace('Infinity', '1e999')
          : token,
    );
    if (replaced === text) throw error;
    return JSON.parse(replaced) as Json;
  }
}

/** Refuses a JSON text that is larger than any model's. */
export function checkJsonSize(bytes: number, source: string): void {
  if (bytes <= MOST_JSON) return;
  throw new ModelError('OUT_OF_RANGE', `${source} has ${bytes} bytes, more than the limit of ${MOST_JSON}.`);
}

/** Refuses deep nesting before the text is parsed, because walks over the value recurse. */
function checkDepth(text: string, source: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > MOST_JSON_DEPTH) {
        throw new ModelError(
          'OUT_OF_RANGE',
          `${source} nests more than ${MOST_JSON_DEPTH} lists and objects.`,
        );
      }
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
}
