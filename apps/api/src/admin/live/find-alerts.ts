import { LANE_STUCK_MS } from '@flashclaim/core';
import type { Alert, LiveState } from './live-state.ts';

/** Callers who are turned away are told of for so long after the last of them, so that it can be read. */
const TURNED_AWAY_TOLD_MS = 3_000;

interface Known extends Pick<LiveState, 'at' | 'comparison' | 'lanes' | 'workers'> {
  redisDown: boolean;
  mongoDown: boolean;
  overloadedAt: number;
}

/** What is wrong, in the words of who has to do something about it; the worst first. */
export const findAlerts = ({ at, comparison, lanes = [], workers, ...known }: Known): Alert[] => {
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
    error('redis_away', 'Redis does not answer. Claims are told to try again; what was confirmed is safe.');
  if (known.mongoDown)
    error(
      'mongo_away',
      'MongoDB does not answer. Claims are told to try again; the stock below is as it was last read.',
    );
  if (workers === 0) error('no_worker', 'No worker is connected. Claims wait, and are decided as soon as one is.');

  const stuck = lanes.filter(({ oldestMs }) => oldestMs > LANE_STUCK_MS);
  if (stuck.length > 0)
    error('lane_stuck', `${named(stuck)}: the oldest job has waited for more than ${LANE_STUCK_MS / 1_000} s.`);
  if (at - known.overloadedAt < TURNED_AWAY_TOLD_MS)
    warn('turned_away', 'This API turns claims away, as too many are waiting. Nothing of them is done.');
  const failed = lanes.filter((lane) => lane.failed > 0);
  if (failed.length > 0) warn('jobs_failed', `${named(failed)}: jobs failed for good. Look at them in the queues.`);
  return alerts;
};

const named = (lanes: readonly { lane: number }[]): string =>
  `Lane${lanes.length > 1 ? 's' : ''} ${lanes.map(({ lane }) => lane).join(', ')}`;
