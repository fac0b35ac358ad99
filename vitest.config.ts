import { defineConfig } from 'vitest/config';

// Every file in a process of its own: TensorFlow is loaded once per process and its first session fixes the threads.
const forks = {
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 120_000,
} as const;

export default defineConfig({
  test: {
    // Two processes at once at most: each holds a TensorFlow of 300 MB and more.
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['lib/**'],
      reporter: ['json', 'html'],
      reportsDirectory: 'build/coverage/lib',
      reportOnFailure: true,
    },
    projects: [
      // Without the addon and TensorFlow, threads serve: they start in half the time of processes.
      {
        test: {
          pool: 'threads',
          name: 'unit',
          include: ['test/unit/**/*.test.{ts,mjs}'],
          setupFiles: ['test/unit/no_addon.ts'],
        },
      },
      {
        test: {
          ...forks,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/global-setup.ts'],
          setupFiles: ['test/integration/helpers/count_children.ts'],
        },
      },
      {
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            // `npm run typecheck` tells of the errors in all other files.
            ignoreSourceErrors: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/tsconfig.json',
          },
        },
      },
    ],
  },
});
