/**
 * Lines of lib that tests reach, by two counts of V8's: vitest's own, of what a test runs in its process, and that of
 * the processes which tests start (NODE_V8_COVERAGE), which run dist and are read through its source maps.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which characters of a text of `length` V8 saw run: inner ranges stand for themselves. */
export function executed(length, functions) {
  const ranges = functions.flatMap(({ ranges }) => ranges);
  ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const ran = new Uint8Array(length);
  for (const { startOffset, endOffset, count } of ranges) ran.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return ran;
}

/** The lines of the original, from 1, whose code in `text` ran. */
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

/** Lines by file of lib that the processes ran whose counts lie in `folder`. */
function linesOfChildren(folder, root) {
  const lines = new Map();
  const dist = path.join(root, 'dist') + path.sep;
  const maps = new Map();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const { result } = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
    for (const { url, functions } of result) {
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

/** A file's lines with code and whether they ran, as istanbul counts them: by the statements that begin there. */
function statementLines({ statementMap, s }) {
  const lines = new Map();
  for (const [id, { start }] of Object.entries(statementMap))
    lines.set(start.line, Math.max(lines.get(start.line) ?? 0, s[id]));
  return lines;
}

/** `[{ file, covered, total }]` from vitest's coverage-final.json and the counts of child processes in `folder`. */
export function libCovered(final, folder, root) {
  const children = linesOfChildren(folder, root);
  return Object.entries(final).map(([file, entry]) => {
    const lines = [...statementLines(entry)];
    const covered = lines.filter(([line, hits]) => hits > 0 || children.get(file)?.has(line)).length;
    return { file: path.relative(root, file), covered, total: lines.length };
  });
}
