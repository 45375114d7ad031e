import { trustProxy } from '@flashclaim/api';
import { StartError } from '@flashclaim/runtime';
import { expect, test } from 'vitest';

test.each([undefined, 'false'])('%s trusts nobody', (setting) => {
  expect(trustProxy(setting)).toBe(false);
});

test.each([
  ['true', [true, false, false]],
  ['0', [false, false, false]],
  ['2', [true, true, false]],
])('%s is a number of proxies', (setting, trusted) => {
  const trust = trustProxy(setting) as (address: string, hop: number) => boolean;
  expect(trusted.map((_, hop) => trust('192.0.2.1', hop))).toEqual(trusted);
});

test.each(['127.0.0.1', '10.0.0.0/8, 2001:db8::/32', 'loopback', '::1'])('%s are addresses', (setting) => {
  expect(trustProxy(setting)).toBe(setting);
});

test.each(['yes', '-1', '300.1.1.1', '10.0.0.0/33', '10.0.0.0/0', '::1/129', '1.2.3.4/8/8', '127.0.0.1,', 'nginx'])(
  '%s is refused with a sentence that names the setting',
  (setting) => {
    expect(() => trustProxy(setting)).toThrow(StartError);
    expect(() => trustProxy(setting)).toThrow('TRUST_PROXY');
  },
);
