/** Which systems the package runs on, and what it says on others. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { installTensorflow } from '../../../lib/tensorflow/install.js';
import { PINNED } from '../../../lib/tensorflow/pins.js';
import { SYSTEMS, whyUnsupportedPlatform } from '../../../lib/tensorflow/platforms.js';

const WINDOWS =
  'keras-explainable runs on Linux (x64, arm64) and macOS (arm64), not on Windows: use WSL 2, in which the package ' +
  'runs as on Linux';
const { platform } = process;

afterEach(() => {
  Object.defineProperty(process, 'platform', { value: platform });
  vi.resetModules();
});

it('says which systems are supported', () => {
  expect(whyUnsupportedPlatform('linux')).toBeUndefined();
  expect(whyUnsupportedPlatform('darwin')).toBeUndefined();
  expect(whyUnsupportedPlatform('win32')).toBe(WINDOWS);
  expect(whyUnsupportedPlatform('freebsd')).toMatch(/^keras-explainable runs on Linux .*, not on freebsd$/);
});

it('supports what a TensorFlow is pinned for, and says so to npm', () => {
  const processors = Object.entries(SYSTEMS).flatMap(([system, each]) =>
    each.processors.map((processor) => `${system}-${processor}`),
  );
  expect(Object.keys(PINNED).sort()).toEqual(processors.sort());
  const { os } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  expect(os).toEqual(Object.keys(SYSTEMS));
});

it('refuses to load or to install anything on Windows', async () => {
  vi.resetModules();
  const loader = await import('../../../lib/binding/loader.js');
  Object.defineProperty(process, 'platform', { value: 'win32' });
  expect(() => loader.unloadedAddon()).toThrow(WINDOWS);
  await expect(loader.ensureTensorflow()).rejects.toThrow(WINDOWS);
  await expect(installTensorflow()).rejects.toThrow(WINDOWS);
});
