import { withoutPassword } from '@flashclaim/runtime';
import type { Stores } from './start-stores.ts';

interface Place {
  baseUrl: string;
  stores: Stores;
  dataDir: string;
}

const LOOK_MAX_MS = 2_000;
const LABEL_WIDTH = 9;

/** Says where everything is, and what to try first. */
export const describeSystem = async ({ baseUrl, stores, dataDir }: Place): Promise<string> => {
  const rows: [string, string][] = [
    ['API', baseUrl],
    ...(await answered(baseUrl, 'Docs', '/docs')),
    ...(await answered(baseUrl, 'Live', '/live')),
    ['Queues', `${baseUrl}/admin/queues`],
    ['MongoDB', withoutPassword(stores.mongoUri)],
    ['Redis', withoutPassword(stores.redisUrl)],
    ...(stores.mongo || stores.redis
      ? [['Data', `${dataDir} (kept; to begin anew, delete it)`] as [string, string]]
      : []),
  ];
  const claim = JSON.stringify({ user_id: 'user_1', coupon_name: 'PROMO_SUPER' });
  return [
    '',
    'Flashclaim is ready.',
    '',
    ...rows.map(([label, text]) => `  ${label.padEnd(LABEL_WIDTH)} ${text}`),
    '',
    '  Try',
    `  curl ${baseUrl}/health`,
    `  curl ${baseUrl}/api/coupons/FLASH_SALE_2024`,
    `  curl ${baseUrl}/api/coupons/claim -H 'content-type: application/json' -d '${claim}'`,
    '',
    '  Ctrl-C stops all of it.',
    '',
  ].join('\n');
};

/** A row for a page, where the API has it. */
const answered = async (baseUrl: string, label: string, path: string): Promise<[string, string][]> => {
  const url = `${baseUrl}${path}`;
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(LOOK_MAX_MS) }).catch(() => null);
  await response?.body?.cancel();
  return response && response.status !== 404 ? [[label, url]] : [];
};
