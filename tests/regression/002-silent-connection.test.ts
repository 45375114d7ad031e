import { afterAll, expect, test } from 'vitest';
import { RawConnection } from '../support/raw-connection.ts';
import { startSystem } from '../support/system.ts';

const system = await startSystem();
afterAll(() => system.close());

test('a connection that has never sent anything keeps no API from stopping', async () => {
  const silent = await RawConnection.open(system.urls[0] as string);
  const [api] = system.apis;
  api?.kill('SIGTERM');
  // It leaves with another code where it had to be ended at the end of its grace.
  expect(await api?.exited).toEqual({ code: 0, signal: null });
  silent.hangUp();
});
