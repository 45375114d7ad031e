import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import { describeData, describeName } from './describe-job.ts';

export interface BoardOptions {
  /** Whether jobs may be changed. */
  write: boolean;
}

/** A lane as Bull Board shows it: it describes the jobs, and is read-only unless the deployment allows changes. */
export const openBoardLane = (queue: Queue, { write }: BoardOptions): BullMQAdapter => {
  const lane = new BullMQAdapter(queue, { readOnlyMode: !write });
  lane.setFormatter('name', describeName);
  lane.setFormatter('data', describeData);
  return lane;
};
