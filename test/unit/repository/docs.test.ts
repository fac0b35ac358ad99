import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { describe, expect, test } from 'vitest';
import { VOCABULARY } from '../../../lib/cli/shared/methods/vocabulary.js';
import * as ke from '../../../lib/index.js';

const { names: METHOD_NAMES, compared: COMPARED_NAMES } = VOCABULARY;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PAGES = globSync(['*.md', 'docs/**/*.md', 'demo/*.md', 'examples/**/*.md'], {
  cwd: ROOT,
  absolute: true,
});

/** Files that a page tells how to write. */
const EXAMPLES = ['lib/methods/gradient/input_x_gradient.ts'];

/** Text outside of code, where a bracket is a link. */
const prose = (page: string) =>
  readFileSync(page, 'utf8')
    .replace(/^```.*?^```/gms, '')
    .replace(/`[^`\n]*`/g, 'code');

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

const anchorsOf = (page: string) =>
  [...readFileSync(page, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading as string));

describe('pages', () => {
  test('there are some', () => expect(PAGES.length).toBeGreaterThan(10));

  test.each(PAGES.map((page) => [relative(ROOT, page), page]))(
    'the files that %s names are there',
    (_, page) => {
      const text = readFileSync(page as string, 'utf8');
      const named = [
        ...text.matchAll(/(?<![\w/.-])(?:lib|native|test|scripts|bench|examples)\/[\w./*-]*[\w*]/g),
      ].map(([name]) => name);
      const missing = named.filter(
        (name) => globSync([name, `${name}.*`, `${name}/**`], { cwd: ROOT }).length === 0,
      );
      expect(missing.filter((name) => !EXAMPLES.includes(name))).toEqual([]);
    },
  );

  test.each(PAGES.map((page) => [relative(ROOT, page), page]))(
    'the links of %s lead somewhere',
    (_, page) => {
      const links = [...prose(page as string).matchAll(/\]\(([^)\s]+)\)/g)].map(
        ([, target]) => target as string,
      );
      const broken = links.filter((link) => {
        if (/^[a-z]+:/.test(link)) return false;
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? (page as string) : join(dirname(page as string), path);
        if (!existsSync(target)) return true;
        return anchor !== undefined && !anchorsOf(target).includes(anchor);
      });
      expect(broken).toEqual([]);
    },
  );
});

describe('what the package exports', () => {
  /** Names of values; of namespaces those inside, but for the ops, which have TensorFlow's names. */
  const namesOf = (module: object): string[] =>
    Object.entries(module).flatMap(([name, value]) =>
      value === ke.graph.ops ? [] : value?.[Symbol.toStringTag] === 'Module' ? namesOf(value) : [name],
    );
  const code = PAGES.flatMap((page) => readFileSync(page, 'utf8').match(/^```.*?^```|`[^`\n]+`/gms) ?? []);
  const words = new Set(code.flatMap((text) => text.match(/\w+/g) ?? []));

  test('is on a page, each by its name', () => {
    expect(namesOf(ke).length).toBeGreaterThan(80);
    expect(namesOf(ke).filter((name) => !words.has(name))).toEqual([]);
  });
});

describe('methods', () => {
  const index = readFileSync(join(ROOT, 'docs', 'methods', 'README.md'), 'utf8');

  test('each is in the index, and has a page that is shown there with its picture', () => {
    const metas = ke.methods.meta.METHODS.map((method) => method.name);
    for (const name of METHOD_NAMES) expect(index).toContain(`[\`${name}\`](`);
    for (const name of metas) expect(index).toContain(`[\`${name}(m)\`](`);
  });

  test('what is compared is in the table of figures', () => {
    for (const name of COMPARED_NAMES) expect(index).toMatch(new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  });
});
