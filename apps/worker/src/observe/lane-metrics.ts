import { Gauge, type Registry } from 'prom-client';
import type { LaneWatch } from '../lane-watch.ts';

/** Tells how many lanes stand still. */
export const observeStuckLanes = (registry: Registry, laneWatch: Pick<LaneWatch, 'stuck'>): void => {
  new Gauge({
    name: 'flashclaim_stuck_lanes',
    help: 'Lanes whose jobs no worker runs, although Redis answers.',
    registers: [registry],
    collect() {
      this.set(laneWatch.stuck.length);
    },
  });
};
