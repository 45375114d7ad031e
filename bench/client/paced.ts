import type { CountedResult, PacedLoad } from '@flashclaim/load';
import { startClient } from './run-client.ts';

const CLIENT = new URL(import.meta.resolve('./paced-client.ts')).pathname;

/** Claims at a fixed rate, with separate times for some coupons; neither wrk nor autocannon can do that. */
export const runPaced = async (load: PacedLoad): Promise<CountedResult> => {
  const { result } = await startClient(process.execPath, [CLIENT, JSON.stringify(load)]);
  return (await result) as CountedResult;
};
