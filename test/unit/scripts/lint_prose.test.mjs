import { describe, expect, it } from 'vitest';
import { isRead, longLines } from '../../../scripts/lint-prose.mjs';

const words = 'a word '.repeat(18).trim();
const url = `https://example.org/${'x'.repeat(120)}`;

describe('a line of more than 120 columns', () => {
  it.each([
    ['docs/a.md', words],
    ['docs/a.md', `- ${words}`],
    ['docs/a.md', `see ${url}`],
    ['lib/a.ts', `// ${words}`],
    ['lib/a.ts', ` * ${words}`],
    ['lib/a.ts', `/** ${words} */`],
    ['lib/a.ts', `const a = 1; // ${words}`],
    ['native/a.cc', `int a;  // ${words}`],
    ['scripts/a.py', `    """${words}"""`],
    ['scripts/a.py', `value = "${words}"`],
    ['CMakeLists.txt', `set(A B)  # ${words}`],
    ['.ci/run', `# ${words}`],
  ])('is found in %s: %s', (name, line) => {
    expect(longLines(name, `short\n${line}\nshort`)).toEqual([2]);
  });

  it.each([
    ['docs/a.md', `| ${words} |`],
    ['docs/a.md', `- ${url}`],
    ['lib/a.ts', ` * ${url}`],
    ['lib/a.ts', `const text = '${words}';`],
    ['lib/a.ts', `const a = 'http://host ${words}';`],
    ['a.json', `"${words}"`],
  ])('may be there in %s: %s', (name, line) => {
    expect(longLines(name, `short\n${line}\nshort`)).toEqual([]);
  });

  it('has 121 columns or more, by characters and not by units of UTF-16', () => {
    const line = (columns) => `// ${'𝛼'.repeat(columns - 5)} b`;
    expect(longLines('a.ts', line(120))).toEqual([]);
    expect(longLines('a.ts', line(121))).toEqual([1]);
  });
});

it('fenced code in Markdown is passed over, to its own end', () => {
  const fenced = ['````md', '```', words, '```', words, '````', words].join('\n');
  expect(longLines('a.md', fenced)).toEqual([7]);
});

it('reads sources and pages, but no fixtures and no generated list', () => {
  expect(['README.md', 'lib/a.ts', 'native/b.h', '.ci/run'].map(isRead)).toEqual([true, true, true, true]);
  expect(['test/fixtures/a.py', 'THIRD_PARTY_NOTICES.md', 'docs/a.png'].map(isRead)).toEqual([
    false,
    false,
    false,
  ]);
});
