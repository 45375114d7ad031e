import { describeRoute } from '@flashclaim/api';
import { expect, test } from 'vitest';

test('a route that says nothing of itself is found at the start', () => {
  expect(() => describeRoute({ schema: {}, url: '/api/forgotten', open: true })).toThrow(
    '/api/forgotten has no operationId',
  );
  expect(describeRoute({ schema: { hide: true }, url: '/page', open: true })).toEqual({ hide: true });
});
