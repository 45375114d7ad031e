import { afterEach, describe, expect, test } from 'vitest';
import { call } from '../support/caller.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
const isUp = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

afterEach(() => system?.close());

describe('probes', () => {
  test('an API and a worker that are well', async () => {
    system = await startSystem();
    await until(() => isUp(system.workerUrls[0] as string));
    for (const url of [...system.urls, ...system.workerUrls])
      for (const path of ['/livez', '/readyz'])
        expect(await call(url + path, 'GET')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await call(`${system.workerUrls[0]}/else`, 'GET')).toMatchObject({ status: 404 });
    expect(await call(`${system.workerUrls[0]}/livez`, 'POST')).toMatchObject({ status: 404 });
  });
});
