import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import { describeData, describeName } from './describe-job.ts';

export interface BoardOptions {
  /** Whether jobs may be changed. */
  write: boolean;
  /** Whether users are shown, and not masked. */
  users: boolean;
}

/** A lane as Bull Board shows it: its jobs in words, and nothing to change unless the deployment says so. */
export const openBoardLane = (queue: Queue, { write, users }: BoardOptions): BullMQAdapter => {
  // Decided anew, a job that is done might grant what it refused. The library's types do not know this option; its page does.
  const options = { readOnlyMode: !write, allowCompletedRetries: false };
  const lane = new BullMQAdapter(queue, options);
  lane.setFormatter('name', describeName);
  lane.setFormatter('data', (data) => describeData(data, { users }));
  return lane;
};
