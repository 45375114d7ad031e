/** `npm run audit`: recounts every coupon, or compares a history with the database. Only reads. */
import { parseArgs } from 'node:util';
import { findMongo } from '@flashclaim/local-stack';
import { StartError } from '@flashclaim/runtime';
import { type Mongo, refuseEarlierLayout } from '@flashclaim/store';
import { bar, clearProgress, count, showProgress } from '@flashclaim/terminal';
import { MongoServerError } from 'mongodb';
import { checkHistoryFile } from './check-history-file.ts';
import { describeRecount } from './describe-recount.ts';
import { readEnv } from './env.ts';
import { describeViolations } from './history/violation.ts';
import { type Recount, recount, type Step } from './recount.ts';
import { writeMetrics } from './write-metrics.ts';

const USAGE = `npm run audit [-- options]    recounts every coupon against its claims
  --history FILE   compares the recorded answers to callers with the database instead
  --help           prints this

The database is MONGO_DB of MONGO_URI. If MONGO_URI is not set: the database of npm start, running or not.
Exit code 0: no fault; 1: faults, each named; 2: the audit was not possible.`;

/** Resolves to the exit code. */
const run = async (): Promise<number> => {
  const { history } = readOptions();
  const { MONGO_URI, MONGO_DB, AUDIT_METRICS_FILE } = readEnv();
  const { which, connect, close } = await findMongo(MONGO_URI);
  try {
    console.log(`${history ? `Comparing ${history} with` : 'Recounting'} ${MONGO_DB} in ${which}\n`);
    const mongo = await connect(MONGO_DB, 'flashclaim-audit');
    await refuseEarlierLayout(mongo.db);
    if (history) return await judgeHistory(mongo, history);
    const found = await recountWithProgress(mongo);
    console.log(`\n${describeRecount(found)}`);
    if (AUDIT_METRICS_FILE) await writeMetrics(AUDIT_METRICS_FILE, found);
    return found.faulty.length + found.orphans.length > 0 ? 1 : 0;
  } finally {
    await close();
  }
};

/**
 * Ends this process after `--help`.
 * @throws StartError with the usage if an option is wrong.
 */
const readOptions = () => {
  try {
    const { values } = parseArgs({ options: { history: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return values;
  } catch (error) {
    throw new StartError(`${(error as Error).message}. Usage: npm run audit [-- --history FILE]`);
  }
};

/** Resolves to the exit code. */
const judgeHistory = async (mongo: Mongo, file: string): Promise<number> => {
  const { records, coupons, violations } = await checkHistoryFile(mongo, file);
  if (violations.length > 0) console.log(`${describeViolations(violations)}\n`);
  console.log(`records ${count(records)} · coupons ${count(coupons)} · violations ${count(violations.length)}`);
  return violations.length > 0 ? 1 : 0;
};

/** Recounts, and shows a progress bar on a terminal and one line for each finished step. */
const recountWithProgress = async (mongo: Mongo): Promise<Recount> => {
  let current = { step: 'double' as Step, done: 0, total: 0, since: performance.now() };
  const seconds = () => `${((performance.now() - current.since) / 1000).toFixed(1)} s`;
  const draw = () => {
    const { step, done, total } = current;
    showProgress(`${step.padEnd(8)}  ${bar(done, total)}  ${count(done)} of ${count(total)} claims  ${seconds()}`);
  };
  const finish = () => {
    clearProgress();
    const { step, done } = current;
    console.log(`${step.padEnd(8)}  ${count(done).padStart(12)} claims  ${seconds().padStart(8)}`);
  };
  // A step may report nothing for a while; the seconds show that it still runs.
  const timer = setInterval(draw, 100);
  try {
    const found = await recount(mongo, {
      onProgress: (step, done, total) => {
        if (step !== current.step) {
          finish();
          current = { step, done, total, since: performance.now() };
        }
        current = { ...current, done: Math.min(done, total), total };
      },
    });
    finish();
    return found;
  } finally {
    clearInterval(timer);
    clearProgress();
  }
};

const SNAPSHOT_TOO_OLD = 239;

const explain = (error: unknown): unknown => {
  if (error instanceof StartError) return `audit: ${error.message}`;
  if (error instanceof MongoServerError && error.code === SNAPSHOT_TOO_OLD)
    return 'audit: MongoDB keeps a snapshot for 5 minutes, and one step took longer: raise minSnapshotHistoryWindowInSeconds.';
  return error;
};

await run().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(explain(error));
    process.exitCode = 2;
  },
);
