import { withoutPassword } from '@flashclaim/runtime';
import type { Stores } from './start-stores.ts';

interface RunningSystem {
  baseUrl: string;
  stores: Stores;
  dataDir: string;
}

const CHECK_MAX_MS = 2_000;
const LABEL_WIDTH = 9;

/** The startup banner: every address, and commands to try first. */
export const startupBanner = async ({ baseUrl, stores, dataDir }: RunningSystem): Promise<string> => {
  const rows: [string, string][] = [
    ['API', baseUrl],
    ...(await pageRow(baseUrl, 'Docs', '/docs')),
    ...(await pageRow(baseUrl, 'Live', '/live')),
    ['Queues', `${baseUrl}/admin/queues`],
    ['MongoDB', withoutPassword(stores.mongoUri)],
    ['Redis', withoutPassword(stores.redisUrl)],
    ...(stores.mongo || stores.redis
      ? [['Data', `${dataDir} (kept; delete it to start empty)`] as [string, string]]
      : []),
  ];
  const credentials = (await needsCredentials(baseUrl)) ? " -H 'authorization: Bearer KEY_OR_TOKEN'" : '';
  const claim = JSON.stringify({ user_id: 'you', coupon_name: 'PROMO_SUPER' });
  return [
    '',
    'Flashclaim is ready.',
    '',
    ...rows.map(([label, text]) => `  ${label.padEnd(LABEL_WIDTH)} ${text}`),
    '',
    '  Try',
    `  curl ${baseUrl}/health`,
    `  curl ${baseUrl}/api/coupons/FLASH_SALE_2024`,
    `  curl ${baseUrl}/api/coupons/claim${credentials} -H 'content-type: application/json' -d '${claim}'`,
    '',
    '  Ctrl-C stops everything.',
    '',
  ].join('\n');
};

/** Whether claims need an API key or a token. A claim without a body is not valid, so nothing is claimed. */
const needsCredentials = async (baseUrl: string): Promise<boolean> => {
  const response = await fetch(`${baseUrl}/api/coupons/claim`, {
    method: 'POST',
    signal: AbortSignal.timeout(CHECK_MAX_MS),
  }).catch(() => null);
  await response?.body?.cancel();
  return response?.status === 401;
};

/** A row for a page, if the API has it. */
const pageRow = async (baseUrl: string, label: string, path: string): Promise<[string, string][]> => {
  const url = `${baseUrl}${path}`;
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(CHECK_MAX_MS) }).catch(
    () => null,
  );
  await response?.body?.cancel();
  return response && response.status !== 404 ? [[label, url]] : [];
};
