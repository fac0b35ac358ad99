/**
 * The oldest release that is supported: the tests whose maps were worked out by hand, on the library that Keras 2.12
 * brings.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { globSync } from 'tinyglobby';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = ['methods/tiny', 'methods/tiny_methods', 'graph/ops', 'graph/ops_loops'].map(
  (name) => `test/integration/${name}.test.ts`,
);

test('TensorFlow 2.12 gives the same maps', () => {
  const directories = globSync('build/reference-venv-k2/lib/python3*/site-packages/tensorflow', {
    cwd: ROOT,
    absolute: true,
    onlyDirectories: true,
    expandDirectories: false,
  });
  expect(directories).toHaveLength(1);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'integration', ...FILES],
    {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...process.env, KERAS_EXPLAINABLE_TENSORFLOW_DIR: directories[0], VITEST: '' },
    },
  );
  expect(status, stdout + stderr).toBe(0);
});
