import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROBLEM_ACTIONS, PROBLEMS, type ProblemCode } from '@flashclaim/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Contract } from '../support/openapi.ts';
import { type System, startSystem } from '../support/system.ts';

/** docs/integrate.md repeats what the code says: the two must agree. */
const page = await readFile(join(import.meta.dirname, '../../docs/integrate.md'), 'utf8');

/** The rows of the table that begins with this heading. */
const table = (heading: string): string[][] => {
  const [, after] = page.split(`\n| ${heading} |`);
  const [, , ...lines] = after?.split('\n') ?? [];
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
};
const code = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);

let system: System;
let contract: Contract;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  contract = await Contract.read(system.urls[0] as string);
});
afterAll(() => system?.close());

test('every code has its line, in the order of the dictionary, with its status and its sentences', () => {
  const lines = table('code').map(([name, status, error, when]) => [...code(name), Number(status), error, when]);
  const problems = Object.entries(PROBLEMS).map(([name, { status, error, title }]) => [name, status, error, title]);
  expect(lines.filter(([name]) => name !== 'claimed' && name !== 'pending')).toEqual(problems);
  expect(lines).toHaveLength(problems.length + 2);
  for (const [name = '', , , , what] of table('code')) {
    const action = PROBLEM_ACTIONS[code(name)[0] as ProblemCode];
    if (action) expect(`${what}.`).toBe(action);
  }
});

test('every call has its line, with all of its statuses', () => {
  const lines = table('call').map(([call, statuses]) => [...code(call), statuses]);
  const operations = [...contract.operations.values()].map(({ method, path, responses }) => [
    `${method} ${path}`,
    Object.keys(responses).join(', '),
  ]);
  expect(lines.sort()).toEqual(operations.sort());
  const restricted = table('call').filter(([, , who]) => who !== '');
  const closed = [...contract.operations.values()].filter(({ responses }) => responses['401']);
  expect(restricted.map(([call]) => code(call)[0]).sort()).toEqual(
    closed.map(({ method, path }) => `${method} ${path}`).sort(),
  );
});

test('every header of a request has its line, at its call', () => {
  const lines = table('header | of').map(([header, of]) => [...code(header), ...code(of)]);
  const parameters = [...contract.operations.values()].flatMap(({ method, path, parameters = [] }) =>
    parameters.filter((one) => one.in === 'header').map(({ name }) => [name, `${method} ${path}`]),
  );
  expect(lines.sort()).toEqual(parameters.sort());
});

test('every header of an answer has its line', () => {
  const lines = table('header | with').flatMap(([header]) => code(header));
  const documented = [...contract.operations.values()].flatMap(({ responses }) =>
    Object.values(responses).flatMap(({ headers = {} }) => Object.keys(headers)),
  );
  // Of an answer that no documented call can get.
  expect([...lines].sort()).toEqual([...new Set([...documented, 'allow'])].sort());
});
