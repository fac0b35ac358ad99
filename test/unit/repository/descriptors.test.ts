/** Descriptors that native code opens: no child process of the user's may inherit one. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const NATIVE = fileURLToPath(new URL('../../../native/', import.meta.url));

/** What opens a descriptor that is inherited; `open` and `socket` take a flag, which the line must have. */
const INHERITED =
  /\b(?:[io]?fstream|filebuf|fopen|freopen|pipe|accept|dup2?|creat|mkstemp|tmpfile|eventfd|opendir)\b\s*[({<]/;
const FLAGGED = /(?<![\w.>])(?:open|socket)\(/;

it('are closed in child processes', () => {
  const files = readdirSync(NATIVE, { recursive: true, encoding: 'utf8' });
  const lines = files
    .filter((file) => /\.(cc|h)$/.test(file))
    .flatMap((file) =>
      readFileSync(NATIVE + file, 'utf8')
        .split('\n')
        .map((line, i) => ({ where: `${file}:${i + 1}`, code: line.replace(/\/\/.*/, '') })),
    );
  const found = lines.filter(
    ({ code }) => INHERITED.test(code) || (FLAGGED.test(code) && !code.includes('_CLOEXEC')),
  );
  // macOS has no flag for sockets: there it is set after.
  expect(found.map(({ code }) => code.trim())).toEqual([
    'const int fd = socket(address.ai_family, address.ai_socktype, address.ai_protocol);',
  ]);
});
