import { type Client, createClient, type ListOptions } from '@flashclaim/client';
import { expect, test } from 'vitest';
import {
  answer,
  closeUnanswered,
  problem,
  type Reaction,
  type StubServer,
  startStubServer,
} from '../support/stub-server.ts';
import { TestClock } from '../support/test-clock.ts';

let stub: StubServer;

const clientOf = async (...reactions: Reaction[]): Promise<Client> => {
  stub = await startStubServer(...reactions);
  return createClient({ baseUrl: stub.url, clock: new TestClock() });
};
const pageOf = (names: string[], next: string | null): Reaction =>
  answer(200, { data: names.map((name) => ({ name })), next });
const urls = () => stub.received.map(({ method, url }) => `${method} ${url}`);
const namesOf = async (list: AsyncIterable<{ name: string }>): Promise<string[]> => {
  const names: string[] = [];
  for await (const { name } of list) names.push(name);
  return names;
};

test('a list is read page by page to its end', async () => {
  const client = await clientOf(pageOf(['a', 'b'], 'b & c'), pageOf([], 'd'), pageOf(['e'], null));
  expect(await namesOf(client.coupons({ q: 'summer 50%', limit: 2 }))).toEqual(['a', 'b', 'e']);
  expect(urls()).toEqual([
    'GET /api/coupons?q=summer+50%25&limit=2',
    'GET /api/coupons?q=summer+50%25&limit=2&after=b+%26+c',
    'GET /api/coupons?q=summer+50%25&limit=2&after=d',
  ]);
});

test('a page without next is the last one', async () => {
  const client = await clientOf(answer(200, { data: [{ name: 'a' }] }));
  expect(await namesOf(client.coupons())).toEqual(['a']);
  expect(urls()).toEqual(['GET /api/coupons']);
});

test.each<[string, (client: Client, options: ListOptions) => AsyncIterable<unknown>, string]>([
  [
    'claimsOf',
    (client, options) => client.claimsOf('a/b', { status: 'released', ...options }),
    '/api/coupons/a%2Fb/claims?status=released&limit=5&after=7',
  ],
  [
    'claimsOfUser',
    (client, options) => client.claimsOfUser('Zoë?', options),
    '/api/users/Zo%C3%AB%3F/claims?limit=5&after=7',
  ],
])('%s names what it lists', async (_, list, url) => {
  const client = await clientOf(pageOf([], null));
  for await (const claim of list(client, { limit: 5, after: '7' })) expect(claim).toBeUndefined();
  expect(urls()).toEqual([`GET ${url}`]);
});

test('nothing is read before the list is iterated, and no page that is not needed', async () => {
  const client = await clientOf(pageOf(['a', 'b'], 'b'));
  const list = client.coupons();
  expect(urls()).toEqual([]);
  for await (const { name } of list) if (name === 'b') break;
  expect(urls()).toHaveLength(1);
});

test('a list may be iterated again', async () => {
  const client = await clientOf(pageOf(['a'], null));
  const list = client.coupons();
  expect([await namesOf(list), await namesOf(list)]).toEqual([['a'], ['a']]);
});

test('pages have the cursor from which another list continues', async () => {
  const client = await clientOf(pageOf(['a'], 'cursor'), pageOf(['b'], null));
  const first = await client.coupons().pages().next();
  expect(first.value).toEqual({ data: [{ name: 'a' }], next: 'cursor' });
  expect(await namesOf(client.coupons({ after: first.value?.next ?? undefined }))).toEqual(['b']);
});

test('a page that fails is read again, and no entry twice', async () => {
  const client = await clientOf(pageOf(['a'], 'a'), closeUnanswered, problem(503, 'unavailable'), pageOf(['b'], null));
  expect(await namesOf(client.coupons({ attempts: 3 }))).toEqual(['a', 'b']);
  expect(urls()).toHaveLength(4);
});

test('attempts are those of one page', async () => {
  const client = await clientOf(closeUnanswered, pageOf(['a'], 'a'), closeUnanswered, pageOf(['b'], null));
  expect(await namesOf(client.coupons({ attempts: 2 }))).toEqual(['a', 'b']);
});

test.each<[string, Reaction]>([
  ['coupon_not_found', problem(404, 'coupon_not_found')],
  ['invalid_request', problem(400, 'invalid_request')],
  ['unauthorized', problem(401, 'unauthorized')],
  ['not_flashclaim', answer(200, { data: 'a' })],
])('%s ends the list with an error', async (code, reaction) => {
  const client = await clientOf(reaction);
  await expect(client.claimsOf('coupon').pages().next()).rejects.toMatchObject({ name: 'FlashclaimError', code });
  expect(urls()).toHaveLength(1);
});
