import { defineConfig } from 'vitest/config';

/** Tests that start whole agents, load them and look at the clock: one file at a time, after the others. */
const whole = ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/models/**/*.test.ts'];

export default defineConfig({
  test: {
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
    projects: [
      {
        test: {
          name: 'rooms',
          include: ['test/**/*.test.ts'],
          exclude: whole,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'whole',
          include: whole,
          testTimeout: 30_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
