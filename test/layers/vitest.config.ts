import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The layers alone: they need the models that scripts/test-layers.mjs makes. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/layers/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
