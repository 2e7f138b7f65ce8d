import { defineConfig } from 'vitest/config';

/** Tests start real servers: two at a time keep a two-core machine busy and their timing honest. */
const WORKERS_MAX = 2;
/** A test that waits for an event gives up long before this; it only ends what hangs. */
const TEST_MS_MAX = 30_000;
/** The long form of the fault tests measures: nothing may run beside it. */
const FAULT_WORKERS_MAX = process.env['FAULTS'] === 'long' ? 1 : WORKERS_MAX;
const FAULTS = 'test/faults/*.test.ts';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: WORKERS_MAX,
    // The fault tests come when all others are done: they look at when answers come.
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [FAULTS, 'test/bench/**', 'node_modules/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: [FAULTS],
          maxWorkers: FAULT_WORKERS_MAX,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    testTimeout: TEST_MS_MAX,
    hookTimeout: TEST_MS_MAX,
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.cache/test-results.json' },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // Run only as processes of their own, out of this measure's sight: main.ts by the tests that start
      // Weir. The generated code is not ours to test.
      exclude: ['src/gen/**', 'src/main.ts'],
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: '.cache/coverage',
      reportOnFailure: true,
      thresholds: { lines: 90, branches: 90 },
    },
  },
});
