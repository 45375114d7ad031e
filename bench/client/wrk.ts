import { type ClaimRequests, type Load, type LoadResult, TIMEOUT_SECONDS } from './load-client.ts';
import { startClient } from './run-client.ts';

/** Threads of wrk. One thread uses up to one core. */
const THREADS_MAX = 2;
const SCRIPT = new URL('wrk.lua', import.meta.url).pathname;

export const runWrk = async (wrk: string, { url, connections, seconds, request }: Load): Promise<LoadResult> => {
  const path = 'get' in request ? request.get : '/api/coupons/claim';
  const script = 'get' in request ? ['get'] : claimScript(request);
  const { result } = await startClient(wrk, [
    '--threads',
    `${Math.min(THREADS_MAX, connections)}`,
    '--connections',
    `${connections}`,
    '--duration',
    `${seconds}s`,
    '--timeout',
    `${TIMEOUT_SECONDS}s`,
    '--script',
    SCRIPT,
    `${url}${path}`,
    '--',
    ...script,
  ]);
  return (await result) as LoadResult;
};

const claimScript = ({ userPrefix, couponPrefix, coupons, bearersFile = '', usersInTokens = false }: ClaimRequests) => [
  'claim',
  usersInTokens ? '' : userPrefix,
  couponPrefix,
  `${coupons}`,
  bearersFile,
];
