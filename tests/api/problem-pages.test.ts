import { PROBLEM_ACTIONS, PROBLEMS } from '@flashclaim/core';
import { expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { systemForFile } from '../support/system-for-file.ts';

const target = systemForFile();

const readPage = async (path: string): Promise<string> => {
  const response = await fetch(target.url + path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  return response.text();
};

test('the type of a problem is the address of a page that says what it means and what to do', async () => {
  const { body } = await call(`${target.url}/api/coupons/none`, 'GET');
  const page = await readPage(body.type);
  expect(page).toContain('coupon_not_found');
  expect(page).toContain(body.title);
  expect(page).toContain(PROBLEM_ACTIONS.coupon_not_found);
});

test('every problem type has a page, and the list links to all of them', async () => {
  const list = await readPage('/problems');
  const links = [...list.matchAll(/href="(\/problems\/[^"]+)"/g)].map(([, path]) => path as string);
  expect(links).toEqual(Object.keys(PROBLEMS).map((code) => `/problems/${code}`));
  for (const path of links) expect(await readPage(path)).toContain('What to do');
});

test.each(['tea', 'constructor', '__proto__', 'Overloaded', '%3Cscript%3E'])(
  'there is no page for %s',
  async (code) => {
    expectProblem(await call(`${target.url}/problems/${code}`, 'GET'), 'not_found', 'GET /problems lists all');
  },
);

test('the root leads to the reference page', async () => {
  const response = await fetch(target.url, { redirect: 'manual' });
  expect([response.status, response.headers.get('location')]).toEqual([302, '/docs']);
});
