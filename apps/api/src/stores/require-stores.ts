import { ProblemError } from '../problem.ts';
import type { StoreWatch } from './store-watch.ts';

/**
 * By what is known, not by what a question would find out: it is at most a moment old, and asking often costs no store anything.
 * @throws ProblemError `unavailable` naming what is down.
 */
export const requireStores = (stores: Record<string, StoreWatch>): void => {
  const down = Object.values(stores).filter((store) => store.away);
  if (down.length > 0) throw new ProblemError('unavailable', `Down: ${down.map(({ name }) => name).join(', ')}.`);
};
