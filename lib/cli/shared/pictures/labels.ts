import { readFile } from 'node:fs/promises';
import { UsageError } from '../failure.js';

/**
 * Reads class names by unit: from a text file with one name per line, or from JSON. JSON is an array of names, an
 * object from unit to name, or Keras's `imagenet_class_index.json` (`{"0": ["n01440764", "tench"], ...}`).
 */
export async function readLabels(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--labels: cannot read '${path}' (${(error as NodeJS.ErrnoException).code}).`);
  }
  const trimmed = text.replace(/^\uFEFF/, '').trimEnd();
  if (!/^\s*[[{]/.test(trimmed)) return trimmed.split(/\r?\n/).map((line) => line.trim());
  return namesOf(parseJson('--labels', trimmed, path), path);
}

function namesOf(parsed: unknown, path: string): string[] {
  if (typeof parsed !== 'object' || parsed === null) throw malformed(path);
  const labels: string[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const unit = Number(key);
    const name = Array.isArray(value) ? value.at(-1) : value;
    if (!Number.isInteger(unit) || unit < 0 || typeof name !== 'string') throw malformed(path);
    labels[unit] = name;
  }
  return labels;
}

function malformed(path: string): UsageError {
  return new UsageError(
    `--labels: expected '${path}' to hold a name a line, or JSON: ["name", ...] or {"0": "name", ...}.`,
  );
}

/** Parses JSON from a file that the option `flag` names. */
export function parseJson(flag: string, text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${flag}: '${path}' is not valid JSON: ${(error as Error).message}`);
  }
}
