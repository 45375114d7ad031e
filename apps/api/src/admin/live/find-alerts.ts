import { LANE_STUCK_MS } from '@flashclaim/core';
import type { Alert, LiveState } from './live-state.ts';

/** The largest share of rejected claims without an alert. The rule CallersRejected of Prometheus has the same. */
const REJECTED_SHARE_MAX = 0.1;

interface Known extends Pick<LiveState, 'comparison' | 'lanes' | 'workers'> {
  redisDown: boolean;
  mongoDown: boolean;
  /** Of the claims in the last seconds. */
  rejectedShare: number;
}

/** What is wrong and what to do about it, for people. The worst comes first. */
export const findAlerts = ({ comparison, lanes = [], workers, ...known }: Known): Alert[] => {
  const alerts: Alert[] = [];
  const error = (code: Alert['code'], text: string) => alerts.push({ code, level: 'error', text });
  const warn = (code: Alert['code'], text: string) => alerts.push({ code, level: 'warning', text });

  const wrong = comparison?.wrong ?? [];
  if (wrong.length > 0) {
    const first = wrong.map(
      ({ name, amount, remaining, claims }) => `${name}: ${remaining} left + ${claims} claims, not ${amount}`,
    );
    error('not_exact', `Stock and claims do not match. ${first.join('; ')}. Run npm run audit.`);
  }
  if (known.redisDown)
    error('redis_down', 'Redis does not answer. Claims are answered 503; confirmed claims are safe.');
  if (known.mongoDown)
    error('mongo_down', 'MongoDB does not answer. Claims are answered 503; the stock below is that of the last read.');
  if (workers === 0) error('no_worker', 'No worker is connected. Claims wait until one is, and are then decided.');

  const stuck = lanes.filter(({ oldestMs }) => oldestMs > LANE_STUCK_MS);
  if (stuck.length > 0)
    error('lane_stuck', `${named(stuck)}: the oldest job has waited for more than ${LANE_STUCK_MS / 1_000} s.`);
  if (known.rejectedShare > REJECTED_SHARE_MAX)
    warn(
      'claims_rejected',
      'This API rejected more than a tenth of the claims in the last 10 s (429 or 503). Nothing was done for these.',
    );
  const failed = lanes.filter((lane) => lane.failed > 0);
  if (failed.length > 0) warn('jobs_failed', `${named(failed)}: jobs failed for good. Inspect them in the queues.`);
  return alerts;
};

const named = (lanes: readonly { lane: number }[]): string =>
  `Lane${lanes.length > 1 ? 's' : ''} ${lanes.map(({ lane }) => lane).join(', ')}`;
