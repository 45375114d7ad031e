/** `npm run migrate`: brings a database of an earlier version to the present layout. */
import { parseArgs } from 'node:util';
import { type MigrationStep, migrate } from '@flashclaim/store';
import { bar, clearProgress, count, showProgress, tableOf } from '@flashclaim/terminal';
import { runCommand } from './run-command.ts';

const USAGE = `npm run migrate    brings the claims, coupons and indexes of an earlier version to the present layout
  -- --help  prints this

Stop every API and worker that uses the database first. Nothing is lost if it is interrupted: run it again.
A million claims take a few minutes. If the layout is present already, it changes nothing.

The database is MONGO_DB of MONGO_URI. If MONGO_URI is not set: the database of npm start, running or not.
Exit code 0: the layout is the present one; 2: the migration was not possible.`;

const STEPS: Record<MigrationStep, string> = {
  number: 'numbering claims',
  build: 'building indexes',
  complete: 'completing coupons',
  drop: 'dropping old indexes',
};

/** @throws Error where an option is unknown. */
const wantsHelp = (): boolean => parseArgs({ options: { help: { type: 'boolean', default: false } } }).values.help;

const run = (): Promise<void> =>
  runCommand('migrate', async (mongo, where) => {
    console.log(`Migrating ${where}\n`);
    const startedAt = performance.now();
    const seconds = () => `${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
    let shown = '';
    const timer = setInterval(() => showProgress(`${shown}  ${seconds()}`), 100);
    try {
      const done = await migrate(mongo, (step, claims, total) => {
        const progress = step === 'number' ? `  ${bar(claims, total)}  ${count(claims)} of ${count(total)}` : '';
        shown = `${STEPS[step]}${progress}`;
      });
      clearProgress();
      const rows = [
        ['claims numbered', done.claims],
        ['coupons completed', done.coupons],
        ['indexes built', done.indexesBuilt],
        ['indexes dropped', done.indexesDropped],
      ] as const;
      const columns = [
        { heading: 'what', cell: ([what]: (typeof rows)[number]) => what },
        { heading: 'number', cell: ([, number]: (typeof rows)[number]) => count(number) },
      ];
      console.log(`${tableOf(columns, rows)}\n\nThe layout is the present one (${seconds()}).`);
      return 0;
    } finally {
      clearInterval(timer);
      clearProgress();
    }
  });

try {
  if (wantsHelp()) console.log(USAGE);
  else await run();
} catch (error) {
  console.error(`migrate: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
