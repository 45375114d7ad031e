import { EventEmitter } from 'node:events';
import { Agent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AdmissionControl, LoadShedder, OVERLOADED } from '@flashclaim/api';
import { RETRY_AFTER_CROWD_MAX_SECONDS, RETRY_AFTER_MAX_SECONDS, SHED_REJECTIONS_MAX } from '@flashclaim/core';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const there = { isDown: false, name: 'a store' } as never;

let app: FastifyInstance;
let loadShedder: LoadShedder;
let admission: AdmissionControl;
let agents: Agent[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  admission = new AdmissionControl({ redis: there, mongo: there, eventLoop: { isSlow: false }, pendingMax: 1 });
  loadShedder = new LoadShedder(admission);
  app = fastify();
  app.post('/', { onRequest: loadShedder.onRequest }, async () => 'taken');
  await app.listen({ host: '127.0.0.1', port: 0 });
  agents = [];
});
afterEach(async () => {
  loadShedder.close();
  for (const agent of agents) agent.destroy();
  await app.close();
  vi.useRealTimers();
});

/** A caller with one connection. */
const newCaller = () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  const { port } = app.server.address() as AddressInfo;
  return (): Promise<{ status: number; retryAfter: string | undefined }> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const sent = request({ port, host: '127.0.0.1', method: 'POST', agent, headers }, (response) => {
        response.resume();
        response.on('end', () =>
          resolve({ status: response.statusCode as number, retryAfter: response.headers['retry-after'] }),
        );
      });
      sent.on('error', reject);
      sent.end('{}');
    });
};

/** Turns so many away that the connection of the last is not read any more. */
const crowd = async (caller: ReturnType<typeof newCaller>): Promise<void> => {
  admission.acquire();
  for (let i = 0; i <= SHED_REJECTIONS_MAX; i++) expect((await caller()).status).toBe(503);
};

test('a few rejected callers who come back at once are answered at once', async () => {
  admission.acquire();
  const caller = newCaller();
  for (let i = 0; i < SHED_REJECTIONS_MAX; i++) {
    const { status, retryAfter } = await caller();
    expect(status).toBe(503);
    expect(retryAfter).toMatch(/^[123]$/);
  }
  admission.release();
  expect((await caller()).status).toBe(200);
});

test('where many are rejected, a caller who comes back too early waits until the time is over; others are answered at once', async () => {
  const early = newCaller();
  await crowd(early);
  const heard: string[] = [];
  const answer = early().then(({ status }) => heard.push(`early ${status}`));
  const other = newCaller();
  for (let i = 0; i < 20; i++) heard.push(`other ${(await newCaller()()).status}`);
  expect(heard).toEqual(Array(20).fill('other 503'));
  admission.release();
  expect((await other()).status).toBe(200);
  expect(heard).toHaveLength(20);

  await vi.advanceTimersByTimeAsync(RETRY_AFTER_MAX_SECONDS * 1_000);
  await answer;
  expect(heard.at(-1)).toBe('early 200');
});

test('the more are held, the longer is the time over which they come back, up to a limit', async () => {
  /** Rejects so many claims, each on a connection of its own. Resolves to the longest `Retry-After`. */
  const reject = (count: number): number => {
    let longest = 0;
    for (let i = 0; i < count; i++) {
      const raw = Object.assign(new EventEmitter(), { socket: { pause: () => {}, resume: () => {} } });
      const reply = {
        request: { id: 'an id', log: { debug: () => {} } },
        header: (name: string, value: number) => {
          if (name === 'retry-after') told = value;
          return reply;
        },
        code: () => reply,
        type: () => reply,
      };
      let told = 0;
      loadShedder.reject({ raw } as never, reply as never, OVERLOADED);
      raw.emit('close');
      longest = Math.max(longest, told);
    }
    return longest;
  };
  expect(reject(3_000)).toBe(RETRY_AFTER_MAX_SECONDS);
  reject(3_500);
  expect(reject(500)).toBe(7);
  reject(20_000);
  expect(reject(500)).toBe(RETRY_AFTER_CROWD_MAX_SECONDS);
  await vi.advanceTimersByTimeAsync(RETRY_AFTER_CROWD_MAX_SECONDS * 1_000);
  expect(reject(1_000)).toBe(RETRY_AFTER_MAX_SECONDS);
});

test('no connection stays paused when the load shedder closes', async () => {
  const early = newCaller();
  await crowd(early);
  const answer = early();
  loadShedder.close();
  expect((await answer).status).toBe(503);
});
