import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../support/caller.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/**
 * An API that was told to stop answered requests on open connections with a 503 of Fastify's own: without a code, and without
 * looking at them.
 */
let system: System;
beforeAll(async () => {
  system = await startSystem({ workers: 0, env: { CLAIM_WAIT_MS: '3000' } });
});
afterAll(() => system?.close());

test('a request that follows another on its connection while the API stops is answered as ever', async () => {
  const { hostname, port } = new URL(system.urls[0] as string);
  const body = JSON.stringify({ coupon_name: 'waits', user_id: 'user' });
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST /api/coupons/claim HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await until(async () => (await system.stores.redis.keys('*:lane-*:wait')).length > 0);
  const [api] = system.apis as [ProcessHandle];
  api.kill('SIGTERM');
  await until(() =>
    call(`${system.urls[0]}/health`, 'GET').then(
      () => false,
      () => true,
    ),
  );
  socket.write('GET /api/coupons/nothing HTTP/1.1\r\nHost: here\r\n\r\n');
  const answers = await text(socket);
  expect(answers).toContain('HTTP/1.1 202 Accepted');
  expect(answers).toContain('"code":"coupon_not_found"');
  expect(await api.exited).toEqual({ code: 0, signal: null });
});
