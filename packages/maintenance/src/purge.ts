/** `npm run purge`: removes a finished sale. */
import { parseArgs } from 'node:util';
import { refuseEarlierLayout } from '@flashclaim/store';
import { bar, clearProgress, count, showProgress, tableOf } from '@flashclaim/terminal';
import { findPurgeable, type NotPurgeable, type Purge, purge } from './purge-coupon.ts';
import { runCommand } from './run-command.ts';

const USAGE = `npm run purge -- --coupon NAME    shows what is left of a finished sale: the coupon, its events and its claims
  --yes    removes them, for ever
  --help   prints this

The coupon must have ended or be paused. If a purge is interrupted, run it again. The users of removed claims can't be found
any more, and requests with their idempotency keys are new requests.

The database is MONGO_DB of MONGO_URI. If MONGO_URI is not set: the database of npm start, running or not.
Exit code 0: removed, or shown; 1: the coupon is unknown, or its sale is not over; 2: the purge was not possible.`;

const WHY_NOT: Record<NotPurgeable, string> = {
  unknown: 'There is no such coupon, and no claim is left of it.',
  open: 'Its sale is not over: wait until it has ended, or pause it.',
};

const COUPON_GONE = 'The coupon itself is gone already: another purge was interrupted, or runs at the same time.\n';

const readOptions = () => {
  const options = {
    coupon: { type: 'string' },
    yes: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ options });
  const { coupon } = values;
  if (coupon === undefined && !values.help) throw new Error('The option --coupon NAME is missing');
  return { ...values, coupon: coupon ?? '' };
};

const tableOfPurge = (purge: Purge, heading: string): string =>
  tableOf<keyof Purge>(
    [
      { heading: 'documents', cell: (kind) => kind },
      { heading, cell: (kind) => count(purge[kind]) },
    ],
    ['coupons', 'events', 'claims'],
  );

const run = (couponName: string, isConfirmed: boolean): Promise<void> =>
  runCommand('purge', async (mongo, where) => {
    await refuseEarlierLayout(mongo.db);
    console.log(`Coupon ${JSON.stringify(couponName)} of ${where}\n`);
    const found = await findPurgeable(mongo, couponName);
    if (typeof found === 'string') return refuse(found);
    if (!found.closed) console.log(COUPON_GONE);
    if (!isConfirmed) {
      console.log(`${tableOfPurge(found, 'to remove')}\n\nNothing was removed: add --yes to remove them.`);
      return 0;
    }
    const total = found.events + found.claims;
    const removed = await purge(mongo, found, (done) =>
      showProgress(`removing  ${bar(done, total)}  ${count(done)} of ${count(total)}`),
    );
    clearProgress();
    if (removed === 'open') return refuse(removed);
    if (removed.coupons < found.coupons) console.log(COUPON_GONE);
    console.log(tableOfPurge(removed, 'removed'));
    return 0;
  });

/** Returns the exit code. */
const refuse = (why: NotPurgeable): number => {
  console.log(`Nothing was removed. ${WHY_NOT[why]}`);
  return 1;
};

try {
  const { coupon, yes, help } = readOptions();
  if (help) console.log(USAGE);
  else await run(coupon, yes);
} catch (error) {
  console.error(`purge: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
