import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Those whose snippets are whole programs. */
const PAGES = ['README.md', 'docs/methods/*.md', 'docs/{data,distribution,images,memory,running,serving}.md'];
/** Inside of the package, so that snippets import it by its name, as users do. */
const SNIPPETS = join(ROOT, 'build', 'snippets');

afterAll(() => rmSync(SNIPPETS, { recursive: true, force: true }));

test('the snippets of the pages run as they stand', () => {
  mkdirSync(SNIPPETS, { recursive: true });
  const names: string[] = [];
  for (const page of globSync(PAGES, { cwd: ROOT, absolute: true })) {
    for (const [i, [, code]] of [...readFileSync(page, 'utf8').matchAll(/^```js\n(.*?)^```/gms)].entries()) {
      const name = `${basename(page, '.md')}-${i}.mjs`;
      writeFileSync(join(SNIPPETS, name), code as string);
      names.push(name);
    }
  }
  expect(names.length).toBeGreaterThanOrEqual(11);
  // One after the other in one process: TensorFlow is loaded once.
  const all = names.map((name) => `console.log('# ${name}');\nawait import('./${name}');\n`).join('');
  writeFileSync(join(SNIPPETS, 'all.mjs'), all);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(SNIPPETS, 'all.mjs')], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(stderr).not.toMatch(/Error/);
  expect(status).toBe(0);
  for (const name of names) expect(stdout).toContain(`# ${name}`);
  // Every map has the size of the picture.
  expect(stdout.match(/\[ \d, 96, 96, \d \]/g)?.length).toBeGreaterThanOrEqual(names.length);
});
