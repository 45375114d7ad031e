import { once } from 'node:events';
import { createServer } from 'node:net';
import { findFreePort } from '@flashclaim/local-stack';
import { afterEach, describe, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
afterEach(() => system?.close());

const isUp = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

test('an API and a worker that are well', async () => {
  system = await startSystem();
  const [worker] = system.workerUrls as [string];
  await until(() => isUp(worker));
  for (const url of [...system.urls, worker])
    for (const path of ['/livez', '/readyz', '/health'])
      expect(await call(url + path, 'GET')).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(await call(`${worker}/else`, 'GET')).toMatchObject({ status: 404 });
  expect(await call(`${worker}/constructor`, 'GET')).toMatchObject({ status: 404 });
  expect(await call(`${worker}/livez`, 'POST')).toMatchObject({ status: 404 });
});

test('a worker names what is down, and that is no reason to restart it', async () => {
  const stores = await openOwnStores();
  system = await startSystem({ stores, apis: 0, env: { LOG_LEVEL: 'fatal' } });
  const [worker] = system.workerUrls as [string];
  await until(() => isUp(worker));
  for (const [store, name] of [
    ['redis', 'Redis'],
    ['mongo', 'MongoDB'],
  ] as const) {
    stores.servers[store].kill('SIGSTOP');
    // On a busy machine one of its threads may still answer before all of them are suspended.
    await until(async () => (await call(`${worker}/health`, 'GET')).status === 503);
    for (const path of ['/health', '/readyz'])
      expect(await call(worker + path, 'GET')).toMatchObject({ status: 503, body: { detail: `Down: ${name}.` } });
    expect(await call(`${worker}/livez`, 'GET')).toMatchObject({ status: 200 });
    stores.servers[store].kill('SIGCONT');
    await until(async () => (await call(`${worker}/health`, 'GET')).status === 200);
  }
});

describe('the port of a worker', () => {
  test('is any that is free where none is named, so that many can share a machine', async () => {
    const lines: string[] = [];
    system = await startSystem({
      apis: 0,
      workers: 0,
      env: { LOG_LEVEL: 'info' },
      output: (line) => void lines.push(line),
    });
    await Promise.all([1, 2].map(() => system.addWorker({ WORKER_PORT: '' })));
    const ports = () => lines.map((line) => JSON.parse(line)).flatMap(({ port }) => (port ? [Number(port)] : []));
    await until(async () => ports().length === 2);
    expect(new Set(ports()).size).toBe(2);
    for (const port of ports()) expect((await call(`http://127.0.0.1:${port}/livez`, 'GET')).status).toBe(200);
  });

  test('stops the start where one is named and taken', async () => {
    const port = await findFreePort();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    const lines: string[] = [];
    system = await startSystem({ apis: 0, workers: 0, output: (line) => void lines.push(line) });
    const worker = await system.addWorker({ WORKER_PORT: String(port) });
    expect(await worker.exited).toMatchObject({ code: 1 });
    expect(lines.join('\n')).toContain(`WORKER_PORT ${port} on 127.0.0.1 can't be used`);
    other.close();
  });
});
