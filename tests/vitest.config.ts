import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const UNIT = ['unit/**/*.test.ts'];

/** Fault tests take longest. If one of them were the last, a processor would be idle meanwhile. */
class FaultsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isFault = ({ moduleId }: TestSpecification) => moduleId.includes('/faults/');
    return [...sorted.filter(isFault), ...sorted.filter((file) => !isFault(file))];
  }
}

const common = {
  root: import.meta.dirname,
  // They end what hangs. No test depends on the speed of the machine.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  // A failure is investigated, not retried.
  retry: 0,
  tags: [{ name: 'slow', description: 'Outages of many seconds: only in npm run test:faults.', timeout: 300_000 }],
  // Three files at once: their processes often wait for each other, so fewer would not use two cores.
  maxWorkers: 3,
};

export default defineConfig({
  test: {
    ...common,
    globalSetup: ['support/global-setup.ts'],
    sequence: { sequencer: FaultsFirst },
    projects: [
      { test: { name: 'unit', include: UNIT, isolate: false, ...common } },
      {
        test: {
          name: 'side by side',
          include: ['**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...UNIT],
          ...common,
        },
      },
    ],
  },
});
