import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import { describeData, describeName, describeResult } from './describe-job.ts';

/** A lane as Bull Board shows it: its jobs in words, and nothing to change unless the deployment says so. */
export const openBoardLane = (queue: Queue, { write }: { write: boolean }): BullMQAdapter => {
  const lane = new BullMQAdapter(queue, { readOnlyMode: !write });
  lane.setFormatter('name', describeName);
  lane.setFormatter('data', describeData);
  lane.setFormatter('returnValue', describeResult);
  return lane;
};
