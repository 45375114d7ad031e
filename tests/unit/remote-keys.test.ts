import { RemoteKeys } from '@flashclaim/api';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { type IssuerKey, newKey, startKeyServer } from '../support/token-issuer.ts';
import { until } from '../support/until.ts';

const FIVE_MINUTES_MS = 300_000;
const FIVE_SECONDS_MS = 5_000;

afterEach(() => void vi.useRealTimers());

test('the keys are read again every five minutes, and five seconds after a failure: a removed key is refused though nobody sends an unknown one', async () => {
  const [old, next] = [await newKey('old'), await newKey('next')];
  const server = await startKeyServer(old);
  onTestFinished(server.close);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const warnings: string[] = [];
  const log = { warn: (_: object, text: string) => void warnings.push(text), info: () => {} };
  const keys = new RemoteKeys(new URL(server.url), { log: log as never, waitingMax: 10 });
  onTestFinished(() => keys.close());
  const isKnown = ({ kid, algorithm }: IssuerKey): Promise<boolean> =>
    Promise.resolve(keys.find({ alg: algorithm, kid }, { payload: '', signature: '' })).then(
      () => true,
      () => false,
    );
  await until(() => isKnown(old));
  expect(server.reads).toBe(1);

  server.serve(undefined);
  vi.advanceTimersByTime(FIVE_MINUTES_MS);
  await until(async () => warnings.length > 0);
  expect(await isKnown(old)).toBe(true);

  server.serve([next]);
  vi.advanceTimersByTime(FIVE_SECONDS_MS);
  await until(async () => !(await isKnown(old)));
  expect(await isKnown(next)).toBe(true);
  expect(warnings).toHaveLength(1);
});
