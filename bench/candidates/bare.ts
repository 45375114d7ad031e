import { findFreePort } from '@flashclaim/local-stack';
import type { Candidate } from './candidate.ts';
import { startProgram, waitUntilHealthy } from './start-program.ts';

/** The upper limit: Fastify alone with these schemas. */
export const bare: Candidate = {
  name: 'bare',
  what: 'bare Fastify, the same body and response schemas, a constant answer: the limit',
  start: async ({ settings }) => {
    const port = await findFreePort();
    const api = await startProgram(import.meta.resolve('./bare-api.ts'), { ...settings, PORT: `${port}` });
    const url = `http://127.0.0.1:${port}`;
    await waitUntilHealthy(url);
    return {
      url,
      processes: { api: [api.pid], worker: [], redis: [], mongod: [] },
      addStock: async () => {},
      settle: async () => {},
      stop: async () => void (await api.stop(0)),
    };
  },
};
