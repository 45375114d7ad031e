import { negotiate } from '@flashclaim/api';
import { expect, test } from 'vitest';

const JSON_TYPE = 'application/json';
const LINES = 'application/x-ndjson';
const CSV = 'text/csv';

test.each([
  ['no header', undefined, JSON_TYPE],
  ['anything', '*/*', JSON_TYPE],
  ['nothing', '', JSON_TYPE],
  ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
  ['types that there are not', 'application/xml, image/*', JSON_TYPE],
  ['one type', 'text/csv', CSV],
  ['a type in capitals, with blanks and parameters', ' Text/CSV ; header=present', CSV],
  ['all types of text', 'text/*', CSV],
  ['all of application', 'application/*', JSON_TYPE],
  ['a type and anything', '*/*, application/x-ndjson', LINES],
  ['a type and anything of a higher quality', '*/*, application/x-ndjson;q=0.9', JSON_TYPE],
  ['two types: the first one', 'application/x-ndjson, text/csv', LINES],
  ['two types with qualities', 'application/x-ndjson;q=0.5, text/csv;q=0.8, application/json;q=0.2', CSV],
  ['a type that is not acceptable', 'application/json;q=0, application/*', LINES],
  ['no acceptable type', 'application/json;q=0', JSON_TYPE],
  ['a quality that is not a number', 'text/csv;q=high, application/x-ndjson;q=0.001', LINES],
  ['a quality above 1', 'text/csv;q=2', JSON_TYPE],
])('Accept with %s', (_, accept, type) => {
  expect(negotiate(accept, [JSON_TYPE, LINES, CSV])).toBe(type);
});
