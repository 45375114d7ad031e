import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { CountedResult } from '@flashclaim/load';
import { searchPath } from '../env.ts';
import { runAutocannon } from './autocannon.ts';
import { runWrk } from './wrk.ts';

/** A load with one caller for each connection. A caller sends its next request as soon as the last one is answered. */
export interface Load {
  url: string;
  connections: number;
  seconds: number;
  request: ClaimRequests | { get: string };
}

/** Claims of new users on `coupons` coupons, which are named `<couponPrefix><1…coupons>`. */
export interface ClaimRequests {
  userPrefix: string;
  couponPrefix: string;
  coupons: number;
  /** A file with credentials for `Authorization: Bearer`, one on each line. Each claim has the next one. */
  bearersFile?: string | undefined;
  /** The users are those of their tokens, so the claims contain no `user_id`. */
  usersInTokens?: boolean | undefined;
}

export type LoadResult = Omit<CountedResult, 'statuses' | 'granted'>;

export interface LoadClient {
  name: string;
  run(load: Load): Promise<LoadResult>;
}

/** Longer than any run, so that a slow answer is not an error. */
export const TIMEOUT_SECONDS = 60;

/** Finds wrk, or else returns autocannon. All rows of a run use the same client. */
export const findLoadClient = async (): Promise<LoadClient> => {
  for (const folder of searchPath()) {
    const wrk = join(folder, 'wrk');
    const isInstalled = await access(wrk, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isInstalled) return { name: 'wrk', run: (load) => runWrk(wrk, load) };
  }
  return { name: 'autocannon, because wrk is not installed (p95 is its p97.5)', run: runAutocannon };
};
