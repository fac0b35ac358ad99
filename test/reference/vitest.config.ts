import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The reference suite alone: it needs what scripts/test-reference.mjs has made. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/reference/**/*.test.ts'],
    pool: 'forks',
    // Two processes at once: compiling takes one core, and each process 3 GB at most, given back with its file.
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['verbose'],
  },
});
