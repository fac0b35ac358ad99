/**
 * Writes the list of npm packages in THIRD_PARTY_NOTICES.md: all direct and indirect dependencies of this package, with
 * their licences from package-lock.json. A test compares the file with this list.
 *
 * Usage: node scripts/notices.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMain, main, ROOT } from './setup/process.mjs';

const HEADING = '| npm package | licence |\n|---|---|\n';

/** The licences of packages whose package.json names none or names a file, from their licence files. */
const UNDECLARED = { h5wasm: 'NIST-Software AND BSD-3-Clause', protozero: 'BSD-2-Clause' };

/** Returns `[name, licence]` of every package that is not only for development, sorted by name. */
export function shippedPackages() {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  const shipped = new Map();
  for (const [place, { dev, license }] of Object.entries(lock.packages)) {
    if (place === '' || dev) continue;
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const declared = license?.startsWith('SEE LICENSE IN') ? undefined : license;
    shipped.set(name, declared ?? UNDECLARED[name] ?? 'unknown');
  }
  return [...shipped].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns the text of the notices with the current list. */
export function withPackages(notices) {
  const start = notices.indexOf(HEADING) + HEADING.length;
  const end = notices.indexOf('\n\n', start);
  const rows = shippedPackages().map(([name, licence]) => `| ${name} | ${licence} |`);
  return notices.slice(0, start) + rows.join('\n') + (end < 0 ? '\n' : notices.slice(end));
}

if (isMain(import.meta.url)) {
  main(async () => {
    const file = path.join(ROOT, 'THIRD_PARTY_NOTICES.md');
    writeFileSync(file, withPackages(readFileSync(file, 'utf8')));
  });
}
