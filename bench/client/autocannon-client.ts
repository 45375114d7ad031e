/** The load client without wrk. Its argument is a load as JSON. */
import { readFile } from 'node:fs/promises';
import autocannon from 'autocannon';
import type { Load, LoadResult } from './load-client.ts';
import { reportResult } from './run-client.ts';

const { url, connections, seconds, request, timeoutSeconds } = JSON.parse(process.argv[2] ?? '') as Load & {
  timeoutSeconds: number;
};

const bearersFile = 'get' in request ? undefined : request.bearersFile;
const bearers = bearersFile ? (await readFile(bearersFile, 'utf8')).trimEnd().split('\n') : [];

let users = 0;
const claims = (load: Exclude<Load['request'], { get: string }>): autocannon.Request => ({
  method: 'POST',
  path: '/api/coupons/claim',
  headers: { 'content-type': 'application/json' },
  setupRequest: (next) => {
    const coupon = 1 + Math.floor(Math.random() * load.coupons);
    const user = load.usersInTokens ? {} : { user_id: `${load.userPrefix}${users}` };
    next.body = JSON.stringify({ ...user, coupon_name: `${load.couponPrefix}${coupon}` });
    const bearer = bearers[users++ % bearers.length];
    if (bearer) next.headers = { ...next.headers, authorization: `Bearer ${bearer}` };
    return next;
  },
});

const found = await autocannon({
  url,
  connections,
  duration: seconds,
  timeout: timeoutSeconds,
  requests: ['get' in request ? { method: 'GET', path: request.get } : claims(request)],
});

reportResult({
  seconds: found.duration,
  requests: found['2xx'] + found.non2xx,
  refused: found.non2xx,
  socketErrors: found.errors + found.timeouts,
  p50Ms: found.latency.p50,
  // autocannon has no p95; this is the nearest one.
  p95Ms: found.latency.p97_5,
  p99Ms: found.latency.p99,
  maxMs: found.latency.max,
} satisfies LoadResult);
