import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    globalSetup: ['support/global-setup.ts'],
    // Every file brings up processes of its own; two at once on two cores would only slow each other down.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What fails is looked at, not tried again.
    retry: 0,
    tags: [{ name: 'slow', description: 'Outages of many seconds: only in npm run test:faults.', timeout: 300_000 }],
  },
});
