import type { ClaimRequests } from './load-client.ts';
import type { OwnResult } from './own-result.ts';
import { startClient } from './run-client.ts';

const CLIENT = new URL(import.meta.resolve('./paced-client.ts')).pathname;

export interface PacedLoad extends ClaimRequests {
  url: string;
  perSecond: number;
  seconds: number;
  /** Each claim on a connection of its own, as of somebody who has just come. */
  newConnections?: boolean;
}

/** Claims at a fixed rate, which neither wrk nor autocannon can keep apart by coupon. */
export const runPaced = async (load: PacedLoad): Promise<OwnResult> => {
  const { result } = await startClient(process.execPath, [CLIENT, JSON.stringify(load)]);
  return (await result) as OwnResult;
};
