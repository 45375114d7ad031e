import { PROBLEMS } from '@flashclaim/core';
import { HttpSender } from '@flashclaim/load';
import fc from 'fast-check';
import { call, type Reply } from '../support/call-api.ts';
import { Contract } from '../support/openapi.ts';
import { type Access, type Credential, openAccess } from './access.ts';
import { NAMES } from './arbitraries.ts';
import { type Cursors, judge } from './judge.ts';
import { type FuzzRequest, type Known, requests } from './request.ts';
import { addressOf, send } from './send.ts';

export interface FuzzOptions {
  /** The URL of an API with a database for tests: many coupons are created and claimed. */
  url: string;
  seed: number;
  /** How the API restricts access; by default not at all. */
  access?: Access;
  /** The limit of the run. */
  stop: { afterMs: number } | { afterRequests: number };
  /** Called after every hundred requests with their number. */
  onProgress?: (requests: number) => void;
}

const PROGRESS_EVERY_REQUESTS = 100;

/** How often each answer came: `operation status code`. */
export type Coverage = Map<string, number>;

/**
 * Sends requests that are valid by the API's own document, nearly valid, or random, and compares every answer with the
 * document: no 5xx except 503, no undocumented answer, no valid request rejected, and no invalid request accepted.
 * @throws Error with the smallest request that got a wrong answer, and the seed that repeats it.
 */
export const fuzz = async ({ url, seed, access = openAccess, stop, onProgress }: FuzzOptions): Promise<Coverage> => {
  const contract = await Contract.read(url);
  const { known, cursors } = await prepare(url, access);
  const sender = new HttpSender();
  const coverage: Coverage = new Map();
  let sent = 0;
  const property = fc.asyncProperty(requests(contract, known, access), async (request) => {
    const reply = await send(sender, url, request);
    const answer = nameOf(request, reply);
    coverage.set(answer, (coverage.get(answer) ?? 0) + 1);
    if (++sent % PROGRESS_EVERY_REQUESTS === 0) onProgress?.(sent);
    const faults = judge(contract, request, reply, cursors);
    if (faults.length > 0) throw new Error(report(request, reply, faults));
  });
  try {
    await fc.assert(property, {
      seed,
      includeErrorInReport: true,
      ...('afterMs' in stop
        ? { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: stop.afterMs }
        : { numRuns: stop.afterRequests }),
    });
  } finally {
    sender.close();
  }
  return coverage;
};

/** Creates a few coupons, one of them sold out, and claims. Resolves to values that the document can't describe by a schema. */
const prepare = async (url: string, { admin, claimant }: Access): Promise<{ known: Known; cursors: Cursors }> => {
  const send = (method: string, path: string, { authorization }: Credential, body?: object) =>
    call(url + path, method, body, authorization === undefined ? {} : { authorization });
  const claimIds: string[] = [];
  const coupons = NAMES.slice(0, 3);
  for (const [index, name] of coupons.entries()) {
    await send('POST', '/api/coupons', admin, { name, amount: 10 ** index });
    // A token is for one user: the claim of another is refused.
    for (const user_id of [claimant.user, 'second']) {
      const claimed = await send('POST', '/api/coupons/claim', claimant, { coupon_name: name, user_id });
      if (claimed.body.claim_id) claimIds.push(claimed.body.claim_id);
    }
  }
  const lists: [path: string, name: string, q?: string][] = [
    ...coupons.map((name): [string, string] => ['/api/coupons/{name}/claims', name]),
    ['/api/users/{user_id}/claims', claimant.user],
    ['/api/coupons', ''],
    ['/api/coupons', '', 'fuzz'],
  ];
  const cursors: Map<string, string> = new Map();
  for (const [path, name, q] of lists) {
    const address = path.replace(/\{\w+\}/, encodeURIComponent(name));
    const { body } = await send('GET', `${address}?limit=1${q === undefined ? '' : `&q=${q}`}`, admin);
    if (body.next) cursors.set(body.next, `${address} ${q ?? ''}`);
  }
  const prefer = ['respond-async', 'wait=0', 'wait=1, respond-async', 'tea'];
  const known = {
    name: NAMES,
    user_id: NAMES.concat(claimant.user),
    claim_id: claimIds,
    after: [...cursors.keys()],
    prefer,
  };
  return { known, cursors };
};

const nameOf = ({ operationId = 'anything else' }: FuzzRequest, { status, body }: Reply): string => {
  const code = (body as { code?: string } | undefined)?.code ?? '';
  return [operationId, status, code in PROBLEMS ? code : ''].join(' ').trim();
};

const report = (request: FuzzRequest, { status, body }: Reply, faults: readonly string[]): string => {
  const { method, headers, credential, contentType, body: sent } = request;
  return [
    ...faults,
    `request: ${method} ${addressOf(request)} ${JSON.stringify({ ...headers, ...credential, 'content-type': contentType })}`,
    `body: ${JSON.stringify(sent)?.slice(0, BODY_SHOWN_CHARS)}`,
    `answer: ${status} ${JSON.stringify(body)?.slice(0, BODY_SHOWN_CHARS)}`,
  ].join('\n');
};

/** Characters of a body in a report. */
const BODY_SHOWN_CHARS = 2_000;
