import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** How a small server sells one coupon. */
export interface SmallSale {
  /** Units that it grants, whatever the coupon has. */
  grants?: number;
  /** Grants of each user. */
  grantsPerUser?: number;
  /** Of so many grants it knows nothing afterwards. */
  forgets?: number;
  /** It accepts claims and never decides one. */
  isStuck?: boolean;
  /** It ends after so many claims. */
  endsAfter?: number;
}

const PENDING = { status: 'pending', code: 'pending' };

/**
 * A server with the three calls of the basic API in memory, until the test ends. Resolves to its URL. Without faults it is
 * correct.
 */
export const startSmallServer = async (sale: SmallSale): Promise<string> => {
  const { grants, grantsPerUser = 1, forgets = 0, isStuck = false, endsAfter } = sale;
  const coupon = { name: '', amount: 0, remaining_amount: 0, claimed_by: [] as string[] };
  let granted = 0;
  let claims = 0;
  const claim = (user: string): [number, object] => {
    if (++claims === endsAfter) end();
    if (isStuck) return [202, { claim_id: `${claims}`, ...PENDING }];
    if (coupon.claimed_by.filter((other) => other === user).length >= grantsPerUser)
      return [409, { error: 'coupon already claimed by this user' }];
    if (granted >= (grants ?? coupon.amount)) return [400, { error: 'no stock available' }];
    if (++granted > forgets) coupon.claimed_by.push(user);
    coupon.remaining_amount = Math.max(0, coupon.amount - granted);
    return [200, { message: 'coupon claimed successfully' }];
  };
  const server = createServer(async (request, response) => {
    const body = request.method === 'POST' ? ((await json(request)) as Record<string, string>) : {};
    const reply = (status: number, answer: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    if (request.url === '/api/coupons/claim') return reply(...claim(body['user_id'] ?? ''));
    if (request.url?.startsWith('/api/claims/')) return reply(200, PENDING);
    if (request.method === 'GET') return request.url?.startsWith('/api/coupons/') ? reply(200, coupon) : reply(404, {});
    const amount = Number(body['amount']);
    Object.assign(coupon, { name: body['name'], amount, remaining_amount: amount });
    return reply(201, coupon);
  });
  const end = () => {
    server.close();
    server.closeAllConnections();
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(end);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
