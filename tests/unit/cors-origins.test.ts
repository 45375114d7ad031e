import { corsOrigins } from '@flashclaim/api';
import { describe, expect, test } from 'vitest';

describe('CORS_ORIGINS', () => {
  test.each([
    [undefined, undefined],
    ['*', '*'],
    ['https://shop.example', ['https://shop.example']],
    ['https://shop.example, http://localhost:3000', ['https://shop.example', 'http://localhost:3000']],
    ['http://[::1]:3000', ['http://[::1]:3000']],
  ])('%s is accepted', (setting, origins) => {
    expect(corsOrigins(setting)).toEqual(origins);
  });

  test.each([
    ['null', undefined],
    ['https://shop.example,null', undefined],
    ['https://shop.example,*', undefined],
    ['shop.example', undefined],
    ['https://*.shop.example', undefined],
    ['https://shop.example,', undefined],
    ['file:///page.html', undefined],
    ['https://user:secret@shop.example', undefined],
    ['https://shop.example/', 'https://shop.example'],
    ['https://shop.example/page', 'https://shop.example'],
    ['https://Shop.example', 'https://shop.example'],
    ['https://shop.example:443', 'https://shop.example'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ])('%s stops the start', (setting, correction) => {
    const message = (() => {
      try {
        return `accepted as ${corsOrigins(setting)}`;
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toMatch(/^The setting CORS_ORIGINS has ".*", but it must be \*, or origins such as /);
    expect(/: write (.*)\.$/.exec(message)?.[1]).toBe(correction);
  });
});
