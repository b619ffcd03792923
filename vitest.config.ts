import { defineConfig } from 'vitest/config';

/** Tests that start whole agents. */
const whole = ['test/e2e/**/*.test.ts', 'test/faults/**/*.test.ts', 'test/models/**/*.test.ts'];

/** Those of them that only ask what comes of something, and wait until it does: two at a time. */
const patient = [
  'test/e2e/{energy,heads,homeAssistant,models,mosquitto,updates}.test.ts',
  'test/faults/{bundles,downloadDiskFull,engineCache,repeats,requestLog,tls}.test.ts',
  'test/faults/{updateAttacks,updateCrashes,updateRefusals}.test.ts',
  'test/models/**/*.test.ts',
];

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
          name: 'agents',
          include: patient,
          testTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // They put load on agents and look at the clock: one file at a time, after the others.
        test: {
          name: 'clock',
          include: whole,
          exclude: patient,
          testTimeout: 30_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
