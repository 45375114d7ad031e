import { type Load, type LoadResult, TIMEOUT_SECONDS } from './load-client.ts';
import { startClient } from './run-client.ts';

const CLIENT = new URL(import.meta.resolve('./autocannon-client.ts')).pathname;

/** Runs in a separate process, as wrk does, so that the bench itself does not slow the load. */
export const runAutocannon = async (load: Load): Promise<LoadResult> => {
  const { result } = await startClient(process.execPath, [
    CLIENT,
    JSON.stringify({ ...load, timeoutSeconds: TIMEOUT_SECONDS }),
  ]);
  return (await result) as LoadResult;
};
