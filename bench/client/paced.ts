import type { ClaimRequests } from './load-client.ts';
import type { OwnResult } from './own-result.ts';
import { startClient } from './run-client.ts';

const CLIENT = new URL(import.meta.resolve('./paced-client.ts')).pathname;

export interface PacedLoad extends ClaimRequests {
  url: string;
  perSecond: number;
  seconds: number;
  /** Each claim on a new connection, like a new caller. */
  newConnections?: boolean;
}

/** Claims at a fixed rate, with separate times for some coupons; neither wrk nor autocannon can do that. */
export const runPaced = async (load: PacedLoad): Promise<OwnResult> => {
  const { result } = await startClient(process.execPath, [CLIENT, JSON.stringify(load)]);
  return (await result) as OwnResult;
};
