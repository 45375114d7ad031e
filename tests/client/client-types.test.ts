import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateTypes } from '../../packages/client/generate-types.ts';
import { type System, startSystem } from '../support/system.ts';

const TYPES = join(import.meta.dirname, '../../packages/client/src/openapi.ts');

let system: System;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
});
afterAll(() => system?.close());

test("the client's types are those of the API that runs", async () => {
  const document = await (await fetch(`${system.urls[0]}/openapi.json`)).json();
  await expect(await generateTypes(document)).toMatchFileSnapshot(TYPES);
});
