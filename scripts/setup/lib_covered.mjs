/**
 * Lines of lib that tests execute, by two counts of V8. vitest counts the code in the process of a test.
 * NODE_V8_COVERAGE counts the code in child processes of tests. Child processes run dist, and source maps map their
 * counts to lib.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Returns for each of `length` characters whether the character was executed. Inner ranges override outer ranges. */
export function executed(length, functions) {
  const ranges = functions.flatMap(({ ranges }) => ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const ran = new Uint8Array(length);
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return ran;
}

/** Returns the line numbers of the original source, from 1, whose code in `text` was executed. */
export function originalLines(text, map, ran) {
  const found = new Set();
  let offset = 0;
  for (const [line, code] of text.split('\n').entries()) {
    const column = code.search(/\S/);
    if (column >= 0 && ran[offset + column]) {
      const { originalLine, generatedLine } = map.findEntry(line, column);
      if (generatedLine === line) found.add(originalLine + 1);
    }
    offset += code.length + 1;
  }
  return found;
}

/** Returns the counts in a file, or none if the child process ended while it wrote the file. */
function countsOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).result;
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** Returns the executed lines by file of lib, from the child processes' counts in `folder`. */
function linesOfChildren(folder, root) {
  const lines = new Map();
  const dist = path.join(root, 'dist') + path.sep;
  const maps = new Map();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    for (const { url, functions } of countsOf(path.join(folder, name))) {
      const file = url.startsWith('file:') ? fileURLToPath(url) : '';
      if (!file.startsWith(dist) || !existsSync(`${file}.map`)) continue;
      if (!maps.has(file)) {
        const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')));
        maps.set(file, { text: readFileSync(file, 'utf8'), map });
      }
      const { text, map } = maps.get(file);
      const original = path.resolve(path.dirname(file), map.payload.sources[0]);
      const known = lines.get(original) ?? new Set();
      for (const line of originalLines(text, map, executed(text.length, functions))) known.add(line);
      lines.set(original, known);
    }
  }
  return lines;
}

/** Returns a file's lines with code and their counts, like istanbul: by the statements that begin on a line. */
function statementLines({ statementMap, s }) {
  const lines = new Map();
  for (const [id, { start }] of Object.entries(statementMap))
    lines.set(start.line, Math.max(lines.get(start.line) ?? 0, s[id]));
  return lines;
}

/**
 * Returns `[{ file, covered, total }]` from vitest's coverage-final.json and the child processes' counts in `folder`.
 */
export function libCovered(final, folder, root) {
  const children = linesOfChildren(folder, root);
  return Object.entries(final).map(([file, entry]) => {
    const lines = [...statementLines(entry)];
    const covered = lines.filter(([line, hits]) => hits > 0 || children.get(file)?.has(line)).length;
    return { file: path.relative(root, file), covered, total: lines.length };
  });
}
