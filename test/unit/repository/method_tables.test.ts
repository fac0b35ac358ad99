/** What the docs say of methods is what the methods' descriptors say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { VOCABULARY } from '../../../lib/cli/shared/methods/vocabulary.js';
import * as ke from '../../../lib/index.js';
import { BUILT_IN } from '../../../lib/methods/built_in.js';
import { blocksOf, withBlocks } from '../../../scripts/docs-tables.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BLOCKS = Object.entries(blocksOf(BUILT_IN, VOCABULARY));

describe('tables of methods', () => {
  test.each(BLOCKS)('%s is up to date: `npm run docs:tables` writes it', (page, blocks) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    expect(withBlocks(text, blocks)).toBe(text);
  });

  test('a stale block, a missing marker and an unknown one are noticed', () => {
    const page = 'a <!-- methods: names -->old<!-- /methods --> b';
    expect(withBlocks(page, { names: 'new' })).toBe('a <!-- methods: names -->new<!-- /methods --> b');
    expect(() => withBlocks(page, { names: 'new', table: '' })).toThrow('no marker for: table');
    expect(() => withBlocks(page, {})).toThrow("no block 'names'");
  });
});

describe('descriptors of the methods of this package', () => {
  test.each([...BUILT_IN.methods, ...BUILT_IN.metas].map((each) => [each.name, each.parameters] as const))(
    'the page of %s has a row for each parameter, and no other',
    (name, parameters) => {
      const file = `${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}.md`;
      const page = readFileSync(join(ROOT, 'docs/methods', file), 'utf8');
      const [, rows = ''] = page.split(/^\| (?:parameter|option) \| default \|.*\n\|-.*\n/m);
      const named = [...(rows.split('\n\n')[0] as string).matchAll(/^\| `(\w+)` \|/gm)].map(
        ([, each]) => each,
      );
      expect(named).toEqual(Object.keys(parameters));
    },
  );

  const groups: Readonly<Record<string, { readonly METHODS: readonly ke.AnyMethod[] }>> = {
    cams: ke.methods.cams,
    gradient: ke.methods.gradient,
  };
  const exported: Readonly<Record<string, unknown>> = ke;

  test.each(BUILT_IN.methods.map((each) => [each.name, each] as const))('%s', (name, descriptor) => {
    const { group, method, needs, paper, passes } = descriptor;
    expect(groups[group]?.METHODS).toContain(method);
    expect(ke.methods.descriptorOf(method)).toBe(descriptor);
    expect((exported[name] as { readonly name?: string } | undefined)?.name).toBe(`${name}_explain`);
    const { backward } = passes({ channels: 8, units: 2 });
    expect(needs.includes('gradients')).toBe(backward > 0);
    expect(paper?.url).toMatch(/^https:/);
  });
});
