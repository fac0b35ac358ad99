/**
 * Checks that lines of comments and docs have at most 120 columns, and prints each longer line. Formatters limit code
 * to 110 columns. Three kinds of lines may be longer: rows of Markdown tables, fenced code in Markdown, and lines of a
 * single word, such as a URL. Generated files and fixtures are not checked.
 *
 * Usage: node scripts/lint-prose.mjs [FILE...]    (default: every file that git tracks or would add)
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { capture, isMain, main, ROOT } from './setup/process.mjs';

const LIMIT = 120;

/** Comments at the beginning of a line and after code. A `//` in a string, such as in a URL, has no space before it. */
const SLASHES = { line: /^\s*(\/\/|\/\*|\*)/, behind: /[\s;,{}()[\]]\/\/ / };
const HASH = { line: /^\s*#/, behind: /\s# / };
/** Every line of Python is checked, because docstrings are prose and the project has no formatter for Python. */
const EVERY = { line: /^/, behind: /^/ };

const COMMENTS = {
  ...Object.fromEntries(['.ts', '.mjs', '.cjs', '.js', '.cc', '.h', '.inc'].map((name) => [name, SLASHES])),
  ...Object.fromEntries(['.yaml', '.yml', '.sh', '.txt', ''].map((name) => [name, HASH])),
  '.py': EVERY,
};

const EXCLUDED = /^(test\/fixtures\/|test\/fuzz\/regressions\/|THIRD_PARTY_NOTICES\.md$|LICENSE$)/;

/** The mark of a list, a quotation or a comment, and one word. Such a line cannot be wrapped. */
const ONE_WORD = /^\s*([-*>#]|\/\/|\/\*+|\d+\.)*\s*\S+$/;

const isLong = (line) => [...line].length > LIMIT && !ONE_WORD.test(line);

/** Returns the numbers of the lines of a Markdown text that are too long. */
function longInMarkdown(lines) {
  let fence;
  return lines.flatMap((line, i) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence)) fence = undefined;
    const skipped = fence !== undefined || /^\s*\|/.test(line);
    return !skipped && isLong(line) ? [i + 1] : [];
  });
}

/** Returns the numbers of the lines of `text` that are too long. The extension of `name` determines the language. */
export function longLines(name, text) {
  const lines = text.split('\n');
  const extension = path.extname(name);
  if (extension === '.md') return longInMarkdown(lines);
  const comment = COMMENTS[extension];
  if (comment === undefined) return [];
  return lines.flatMap((line, i) =>
    isLong(line) && (comment.line.test(line) || comment.behind.test(line)) ? [i + 1] : [],
  );
}

/** Returns whether the lint checks the file `name`, a path relative to the project's root. */
export function isRead(name) {
  const extension = path.extname(name);
  return !EXCLUDED.test(name) && (extension === '.md' || COMMENTS[extension] !== undefined);
}

/** Prints the lines that are too long in `names`, or in all files of the project. Returns the number of these lines. */
export function lintProse(names = []) {
  const listed = () => capture('git', ['ls-files', '--cached', '--others', '--exclude-standard']).split('\n');
  const files = (names.length > 0 ? names : listed()).filter(
    (name) => isRead(name) && existsSync(path.join(ROOT, name)),
  );
  let found = 0;
  for (const name of files) {
    for (const line of longLines(name, readFileSync(path.join(ROOT, name), 'utf8'))) {
      console.error(`${name}:${line}: more than ${LIMIT} columns`);
      found += 1;
    }
  }
  if (found > 0) console.error(`Wrap these lines (${found}); CONTRIBUTING.md has the rules of prose.`);
  return found;
}

if (isMain(import.meta.url)) main(async () => (lintProse(process.argv.slice(2)) > 0 ? 1 : 0));
