import { Gauge, type Registry } from 'prom-client';
import type { StuckLanes } from '../stuck-lanes.ts';

/** Counts the stuck lanes. */
export const observeStuckLanes = (registry: Registry, stuckLanes: Pick<StuckLanes, 'stuck'>): void => {
  new Gauge({
    name: 'flashclaim_stuck_lanes',
    help: 'Lanes whose jobs no worker runs, although Redis answers.',
    registers: [registry],
    collect() {
      this.set(stuckLanes.stuck.length);
    },
  });
};
