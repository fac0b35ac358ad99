import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The reference suite alone: it needs what scripts/test-reference.mjs has made. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/reference/**/*.test.ts'],
    pool: 'forks',
    // One network at a time: each takes both cores and, with its executors, a gigabyte or more.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
