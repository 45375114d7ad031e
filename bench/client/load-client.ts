import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { searchPath } from '../env.ts';
import { runAutocannon } from './autocannon.ts';
import { runWrk } from './wrk.ts';

/** As many callers as connections, each with its next request as soon as the last is answered. */
export interface Load {
  url: string;
  connections: number;
  seconds: number;
  request: ClaimRequests | { get: string };
}

/** A claim of a fresh user each time, of one of `coupons` coupons named `<couponPrefix><1…coupons>`. */
export interface ClaimRequests {
  userPrefix: string;
  couponPrefix: string;
  coupons: number;
}

export interface LoadResult {
  seconds: number;
  /** Answers of any status. */
  requests: number;
  /** Answers of status 400 and above. */
  refused: number;
  socketErrors: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface LoadClient {
  name: string;
  run(load: Load): Promise<LoadResult>;
}

/** Longer than any run: an answer that is slow is slow, and no error. */
export const TIMEOUT_SECONDS = 60;

/** wrk where it is installed, or else autocannon; one of them for all rows of a run. */
export const findLoadClient = async (): Promise<LoadClient> => {
  for (const folder of searchPath()) {
    const wrk = join(folder, 'wrk');
    const there = await access(wrk, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return { name: 'wrk', run: (load) => runWrk(wrk, load) };
  }
  return { name: 'autocannon, as wrk is not installed (its p97.5 stands for p95)', run: runAutocannon };
};
