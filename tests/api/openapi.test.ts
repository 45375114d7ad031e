import {
  ClaimRequestSchema,
  ClaimStatusSchema,
  CouponChangeSchema,
  CouponSchema,
  isName,
  PROBLEMS,
} from '@flashclaim/core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { Contract } from '../support/openapi.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let url: string;
let contract: Contract;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  url = system.urls[0] as string;
  contract = await Contract.read(url);
});
afterAll(() => system?.close());

describe('the document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(contract.document) as never);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
    expect(contract.document.openapi).toBe('3.1.0');
  });

  test('names every operation once, and says what it is for', () => {
    const operations = Object.values(contract.document.paths).flatMap((methods) => Object.values(methods));
    expect(contract.operations.size).toBe(operations.length);
    const tags = contract.document.tags.map(({ name }) => name);
    for (const { operationId, summary, tags: [tag] = [] } of operations) {
      expect(operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(summary).toBeTruthy();
      expect(tags).toContain(tag);
    }
  });

  test('holds the schemas of the code, by their names', () => {
    const { schemas } = contract.document.components;
    for (const schema of [ClaimRequestSchema, ClaimStatusSchema, CouponChangeSchema, CouponSchema]) {
      const { $id, ...said } = JSON.parse(JSON.stringify(schema));
      expect(schemas[$id]).toEqual(said);
    }
    expect(Object.keys(schemas).sort()).toEqual([
      'ClaimList',
      'ClaimRequest',
      'ClaimStatus',
      'Coupon',
      'CouponChange',
      'CouponList',
      'NewCoupon',
      'Problem',
    ]);
  });

  test('leads nowhere that does not exist', () => {
    const references = JSON.stringify(contract.document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    const names = [...references].map(([, name]) => name as string);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(contract.document.components.schemas).toHaveProperty(name);
    const operationIds = JSON.stringify(contract.document).matchAll(/"links":\{.*?"operationId":"(\w+)"/g);
    for (const [, operationId] of operationIds) expect(contract.operations.has(operationId as string)).toBe(true);
  });

  test('has an example for every answer with a body, and each is as its schema says', () => {
    for (const { operationId, responses } of contract.operations.values())
      for (const [status, { description, headers, content = {} }] of Object.entries(responses)) {
        expect(description).not.toBe('');
        expect(Object.keys(headers ?? {})).toContain('x-request-id');
        for (const { schema, examples = {} } of Object.values(content)) {
          const values = Object.values(examples).map(({ value }) => value);
          expect([operationId, status, values.length]).not.toEqual([operationId, status, 0]);
          for (const value of values) expect(contract.fault(schema, value)).toBeUndefined();
        }
      }
  });

  test('an answer of another code or status than is documented is found out', () => {
    const { content } = contract.operation('claimCoupon').responses['409'] ?? {};
    const { schema, examples } = content?.['application/problem+json'] ?? {};
    const value = examples?.['already_claimed']?.value as object;
    expect(contract.fault(schema as object, value)).toBeUndefined();
    for (const wrong of [{ code: 'out_of_stock' }, { status: 400 }, { error: 'no' }, { request_id: 5 }])
      expect(contract.fault(schema as object, { ...value, ...wrong })).toMatch(/\w/);
  });

  test('a header that is missing is found out, and one that is not documented', () => {
    const { content } = contract.operation('claimCoupon').responses['429'] ?? {};
    const body = content?.['application/problem+json']?.examples?.['rate_limited']?.value;
    const sent = (headers: Record<string, string>) => {
      const type = { 'content-type': 'application/problem+json', date: 'now' };
      return contract.faultsOf('claimCoupon', { status: 429, headers: new Headers({ ...type, ...headers }), body });
    };
    const limits = { 'ratelimit-policy': '"user";q=5;w=60', ratelimit: '"user";r=0;t=9' };
    const common = { 'x-request-id': 'a-1', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
    const whole = { ...common, 'retry-after': '9', ...limits };
    expect(sent(whole)).toEqual([]);
    expect(sent({ ...whole, server: 'secret' })).toEqual([
      'claimCoupon answers 429 with server, which is not documented',
    ]);
    for (const name of Object.keys(whole)) {
      const { [name]: _, ...rest } = whole as Record<string, string>;
      expect(sent(rest)).toEqual([`claimCoupon answers 429 without ${name}`]);
    }
  });

  test('a parameter of the query is what it is, not the text that it travels as', () => {
    const { parameters = [] } = contract.operation('getCoupon');
    expect(parameters.find(({ name }) => name === 'limit')?.schema).toMatchObject({ type: 'integer', maximum: 1000 });
  });

  test('a name of its examples can be a name', () => {
    const { examples } = contract.document.components.schemas['ClaimRequest'] as { examples: Record<string, string>[] };
    for (const name of examples.flatMap((example) => Object.values(example))) expect(isName(name)).toBe(true);
  });

  test('every code is among the answers of some call, or may end any call', () => {
    const documented = new Set(contract.answers().map((answer) => answer.split(' ')[2]));
    const ofAnyCall = ['method_not_allowed', 'request_timeout', 'headers_too_large'];
    expect([...documented, ...ofAnyCall].filter(Boolean).sort()).toEqual(Object.keys(PROBLEMS).sort());
    const { info } = contract.document as unknown as { info: { description: string } };
    for (const code of ofAnyCall) expect(info.description).toContain(code);
  });
});

describe('who needs the admin token', () => {
  test('nobody where none is set', () => {
    for (const { security } of contract.operations.values()) expect(security ?? [{}]).toEqual([{}]);
  });

  test('is in the document where one is set', async () => {
    const closed = await startSystem({ workers: 0, env: { ADMIN_TOKEN: 'a token for tests' } });
    const { operations } = await Contract.read(closed.urls[0] as string);
    await closed.close();
    const admin = [{ adminToken: [] }, { adminPassword: [] }];
    const needed = Object.fromEntries(
      [...operations.values()].map(({ operationId, security }) => [operationId, security]),
    );
    expect(needed).toMatchObject({
      createCoupon: admin,
      getMetrics: admin,
      listCoupons: admin,
      listCouponClaims: admin,
      listUserClaims: admin,
      // Admin reads more than others.
      getCoupon: [...admin, {}],
      getClaim: [{}],
      claimCoupon: [{}],
    });
    expect(needed['getHealth']).toBeUndefined();
  });
});

describe('the reference page', () => {
  test('names nothing outside, and may load nothing from there', async () => {
    const page = await fetch(`${url}/docs`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      expect(file).toMatch(/^\/docs\//);
      expect((await fetch(url + file)).status).toBe(200);
    }
  });

  test('shows this very document', async () => {
    expect((await call(`${url}/docs/json`, 'GET')).body).toEqual(contract.document);
  });
});
