/** What the project fetches is pinned to its bytes, and what an installation brings is named with its licence. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { shippedPackages, withPackages } from '../../../scripts/notices.mjs';

const root = new URL('../../../', import.meta.url);
const read = (file) => readFileSync(new URL(file, root), 'utf8');
const find = (pattern) =>
  globSync(pattern, { cwd: fileURLToPath(root), ignore: ['**/node_modules/**', 'build/**'] });

/** Anyone may use packages under these in anything. */
const PERMISSIVE = [
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'OFL-1.1',
  'NIST-Software',
];

describe.each(find('**/package-lock.json'))('%s', (file) => {
  const packages = Object.entries(JSON.parse(read(file)).packages).filter(([place]) => place !== '');

  it('names the bytes of every package', () => {
    expect(packages.length).toBeGreaterThan(10);
    const open = packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'));
    expect(open.map(([place]) => place)).toEqual([]);
  });

  it('takes every package from the registry', () => {
    const others = packages.filter(
      ([, { resolved, link }]) => link || (resolved && !resolved.startsWith('https:')),
    );
    expect(others.map(([place]) => place)).toEqual([]);
  });
});

it('brings no package that runs code when it is installed', () => {
  const { packages } = JSON.parse(read('package-lock.json'));
  expect(Object.keys(packages).filter((place) => place !== '' && packages[place].hasInstallScript)).toEqual(
    [],
  );
});

it('brings packages under permissive licences only, and names them all in the notices', () => {
  const shipped = shippedPackages();
  expect(shipped.length).toBeGreaterThan(20);
  const permits = (licence) => licence.split(/[() ]+/).some((word) => PERMISSIVE.includes(word));
  expect(shipped.filter(([, licence]) => !permits(licence))).toEqual([]);
  const notices = read('THIRD_PARTY_NOTICES.md');
  expect(notices, 'run: npm run notices').toBe(withPackages(notices));
});

describe.each(find('**/requirements-*.txt'))('%s', (file) => {
  it('names one version and the bytes of every package', () => {
    const entries = read(file)
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line && !line.startsWith('#'));
    expect(entries.length).toBeGreaterThan(1);
    const open = entries.filter((line) => !/^[\w.-]+==[\w.]+( +--hash=sha256:[0-9a-f]{64})+$/.test(line));
    expect(open).toEqual([]);
  });
});
