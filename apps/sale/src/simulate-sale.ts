import { randomBytes } from 'node:crypto';
import type { HistoryRecord } from '@flashclaim/audit';
import { StartError } from '@flashclaim/runtime/read-settings';
import { readInTheEnd, resolvePending } from './after-sale.ts';
import type { ClaimResult, ReadResult } from './call-results.ts';
import { checkReceipts } from './check-receipts.ts';
import { countEach } from './count-each.ts';
import { createCoupon } from './create-coupon.ts';
import { describeEnvironment } from './describe-server.ts';
import { judgeSale } from './judge-sale.ts';
import type { SaleOptions } from './options.ts';
import { planCalls } from './plan-calls.ts';
import { LiveProgress } from './report/live-progress.ts';
import { SaleRun } from './sale-run.ts';
import type { SaleTarget } from './sale-target.ts';
import { countOutcomes, percentilesOf, type Summary, sliceUp, timesOf } from './summarise.ts';
import { toHistory } from './to-history.ts';

/**
 * Creates a coupon, sends the claims and reads of the scenario, and judges the result. `stop` ends it early: what was seen is
 * judged then.
 * @throws StartError if the coupon can't be created, or no claim is decided.
 */
export const simulateSale = async (
  target: SaleTarget,
  options: SaleOptions,
  stop: AbortSignal,
): Promise<{ summary: Summary; history: HistoryRecord[] }> => {
  const { client, adapter, url } = target;
  const { scenario, users, stock, connections, arrival, rate, doubleDip, hangUp, retry } = options;
  const environment = await describeEnvironment(client, url, connections);
  const saleId = randomBytes(4).toString('hex');
  const coupon = `sale-${scenario}-${saleId}`;
  const { created, opening } = await createCoupon(target, coupon, options);

  const claims: ClaimResult[] = [];
  const reads: ReadResult[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let lastAnswer = startedAt;
  const run = new SaleRun({
    ...{ client, adapter, coupon, connections, calls: planCalls({ ...options, saleId }) },
    opensAfterMs: opening && opening.by - startedAt,
    onResult: (result) => {
      if (result.kind === 'claim') claims.push(result);
      else reads.push(result);
      lastAnswer = result.answeredAt;
      progress.add(result);
    },
  });
  const progress = new LiveProgress(stock, () => run.total);
  await run.run(stop).finally(() => progress.end());

  const seconds = Math.max(0.001, (lastAnswer - startedAt) / 1_000);
  const { user, system } = process.cpuUsage(cpuBefore);
  const statuses = await resolvePending(target, claims, stop);
  const end = await readInTheEnd(target, coupon, stop);
  const calls = [...claims, ...statuses, ...reads, ...('read' in end ? [end.read] : [])];
  const history = [created, ...toHistory(coupon, calls)];
  const outcomes = countOutcomes(claims);
  if (!stop.aborted && !['claimed', 'already_claimed', 'out_of_stock'].some((outcome) => outcomes[outcome]))
    throw new StartError(
      `No claim was decided: ${[...countEach(claims.map(describeAnswer))]
        .map(([answer, count]) => `${answer}: ${count}`)
        .join(', ')}.`,
    );
  const summary: Summary = {
    ...{ scenario, coupon, url, environment, seconds, outcomes },
    simulatorCores: (user + system) / 1_000_000 / seconds,
    options: { users, stock, arrival, rate, doubleDip, hangUp, retry },
    claimsPerSecond: claims.filter(({ status }) => status !== undefined).length / seconds,
    readsPerSecond: reads.filter(({ status }) => status !== undefined).length / seconds,
    times: timesOf(claims, reads),
    percentiles: percentilesOf(claims),
    slices: sliceUp(claims, stock, startedAt, seconds),
    winners: new Set(claims.filter(({ outcome }) => outcome === 'claimed').map(({ user }) => user)).size,
    ...('unread' in end
      ? { unread: end.unread }
      : {
          claimedCount: end.coupon.claimed,
          remaining: end.coupon.remaining,
          verdict: judgeSale({ amount: stock, claims, coupon: end.coupon, opening }),
        }),
    receiptFaults: checkReceipts(history).map(({ fault, found }) => `${fault}: ${found}`),
    isStopped: stop.aborted,
  };
  return { summary, history };
};

/** An answer as the server gave it. */
const describeAnswer = ({ status, code, error }: ClaimResult): string =>
  status === undefined ? (error ?? 'no answer') : [status, code].filter(Boolean).join(' ');
