import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { exchange, rawRequest } from '../support/raw-connection.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

describe('an address that is not there', () => {
  test.each([
    ['GET', '/nowhere'],
    ['DELETE', '/api'],
    ['OPTIONS', '/nowhere'],
    ['GET', '/health/'],
    ['GET', '//health'],
    ['GET', '/Health'],
    ['GET', '/api/coupons/a/b'],
    ['GET', '/docs/static/nowhere.js'],
    ['GET', '/admin/queues/nowhere'],
  ])('%s %s is not found', async (method, path) => {
    expectProblem(await call(url + path, method), 'not_found', `There is no ${method} ${path}.`);
  });

  test.each([
    ['no JSON', 'user_id=u', 'application/x-www-form-urlencoded'],
    ['broken JSON', '{', 'application/json'],
    ['more than a body may be', `"${'x'.repeat(2_000_000)}"`, 'application/json'],
  ])('is not found also with %s', async (_, body, type) => {
    expectProblem(await call(`${url}/nowhere`, 'POST', body, { 'content-type': type }), 'not_found');
  });
});

describe('a method that the address does not take', () => {
  test.each([
    ['PUT', '/api/coupons/claim', 'GET, HEAD, PATCH, POST'],
    ['DELETE', '/api/coupons/some%20name?limit=1', 'GET, HEAD, PATCH'],
    ['DELETE', '/api/coupons', 'GET, HEAD, POST'],
    ['PATCH', '/api/coupons', 'GET, HEAD, POST'],
    ['POST', '/api/coupons/some%20name/claims', 'GET, HEAD'],
    ['POST', '/api/claims/some-id', 'DELETE, GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
    ['DELETE', '/docs', 'GET, HEAD'],
    ['DELETE', '/admin/queues', 'GET, HEAD'],
  ])('%s %s is answered with the methods that are allowed', async (method, path, allow) => {
    const reply = await call(url + path, method);
    expectProblem(reply, 'method_not_allowed', allow);
    expect(reply.headers.get('allow')).toBe(allow);
  });

  test('is answered so whatever the body', async () => {
    const reply = await call(`${url}/health`, 'POST', '{', { 'content-type': 'text/plain' });
    expectProblem(reply, 'method_not_allowed');
  });

  test.each(['PROPFIND', 'TRACE'])('%s, which Fastify does not know, is answered alike', async (method) => {
    expectProblem(await exchange(url, rawRequest(`${method} /health HTTP/1.1`)), 'method_not_allowed');
  });
});

test('OPTIONS tells what an address takes', async () => {
  const reply = await call(`${url}/api/coupons/claim`, 'OPTIONS');
  expect(reply.status).toBe(204);
  expect(reply.headers.get('allow')).toBe('GET, HEAD, PATCH, POST');
  expect(reply.headers.get('x-request-id')).toBeTruthy();
});

test('HEAD answers as GET does, without the body', async () => {
  const reply = await call(`${url}/health`, 'HEAD');
  expect(reply).toMatchObject({ status: 200, body: undefined });
  expect((await call(`${url}/api/coupons/missing`, 'HEAD')).status).toBe(404);
  expect((await call(`${url}/api/coupons/claim`, 'HEAD')).status).toBe(404);
});
