import { access } from './access.ts';
import { apis } from './apis.ts';
import { burst } from './burst.ts';
import { compareCandidates } from './compare-candidates.ts';
import { details } from './details.ts';
import { live } from './live.ts';
import type { BenchLoad } from './load.ts';
import { million } from './million.ts';
import { mix } from './mix.ts';
import { oneConnection } from './one-connection.ts';
import { overload } from './overload.ts';
import { readers, reads } from './reads.ts';
import { waiting } from './waiting.ts';
import { workers } from './workers.ts';

/** All loads, in the order of the tables. */
export const LOADS: readonly BenchLoad[] = [
  oneConnection,
  compareCandidates({ name: 'hot-64', title: 'one hot coupon, 64 connections', connections: 64 }),
  compareCandidates({ name: 'hot-256', title: 'one hot coupon, 256 connections', connections: 256 }),
  compareCandidates({ name: 'hot-1000', title: 'one hot coupon, 1,000 connections', connections: 1_000 }),
  compareCandidates({
    name: 'sold-out',
    title: 'a coupon that is sold out, 256 connections',
    connections: 256,
    soldOut: true,
  }),
  compareCandidates({
    name: 'spread-64',
    title: 'spread over 1,000 coupons, 64 connections',
    connections: 64,
    coupons: 1_000,
  }),
  compareCandidates({
    name: 'spread-256',
    title: 'spread over 1,000 coupons, 256 connections',
    connections: 256,
    coupons: 1_000,
  }),
  mix,
  burst,
  overload,
  access,
  details,
  reads,
  readers,
  workers('workers-hot', 'one hot coupon', 1),
  workers('workers-spread', 'spread over 1,000 coupons', 1_000),
  apis,
  live,
  million,
  waiting,
];
