import { ProblemError } from '../http/problem.ts';
import type { StoreWatch } from './store-watch.ts';

/**
 * Uses what the store watches know, so that frequent calls cost the stores nothing.
 * @throws ProblemError `unavailable`, which names the stores that are down.
 */
export const requireStores = (stores: Record<string, StoreWatch>): void => {
  const down = Object.values(stores).filter((store) => store.isDown);
  if (down.length > 0) throw new ProblemError('unavailable', `Down: ${down.map(({ name }) => name).join(', ')}.`);
};
