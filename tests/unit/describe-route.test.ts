import { describeRoute } from '@flashclaim/api';
import { expect, test } from 'vitest';

const schemes = { admin: [], claim: [], reader: [], key: [] };

test('a route that says nothing of itself is found at the start', () => {
  expect(() => describeRoute({ schema: {}, url: '/api/forgotten', schemes })).toThrow(
    '/api/forgotten has no operationId',
  );
  expect(describeRoute({ schema: { hide: true }, url: '/page', schemes })).toEqual({ hide: true });
});
