import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFlashclaim } from '../candidates/flashclaim.ts';
import { runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, type Contestant, contestantOf } from './load.ts';

const CONNECTIONS = 256;
/** More than any run claims, so that each claim has a token of its own. */
const TOKENS_PER_SECOND = 15_000;
const ISSUER = 'https://issuer.example';
const AUDIENCE = 'bench';

/** Who may claim, and the credentials for a run of so many seconds. */
interface Access {
  name: string;
  settings: Record<string, string>;
  bearers?: (run: string, seconds: number) => string[];
  usersInTokens?: boolean;
}

/** Each token is verified once, because each user claims once. */
export const access: BenchLoad = {
  name: 'access',
  title: 'one hot coupon, 256 connections, by who may claim: every caller, who has an API key, or a user with a token',
  prepare: (bench) => {
    const apiKey = randomBytes(32).toString('base64url');
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const tokenSettings = {
      CLAIM_JWT_ISSUER: ISSUER,
      CLAIM_JWT_AUDIENCE: AUDIENCE,
      CLAIM_JWT_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    };
    const kinds: Access[] = [
      { name: 'everybody', settings: {} },
      { name: 'API key', settings: { CLAIM_API_KEYS: apiKey }, bearers: () => [apiKey] },
      {
        name: 'EdDSA tokens',
        settings: tokenSettings,
        bearers: (run, seconds) =>
          Array.from({ length: seconds * TOKENS_PER_SECOND }, (_, index) => tokenOf(`${run}-${index}`, privateKey)),
        usersInTokens: true,
      },
    ];
    return Promise.all(kinds.map((kind) => enter(bench, kind)));
  },
};

const enter = async (bench: Bench, { name, settings, bearers, usersInTokens }: Access): Promise<Contestant> => {
  const { stack, client, onDone } = bench;
  const running = await startFlashclaim({ stack, settings: { ...bench.settings, ...settings } });
  onDone(() => running.stop());
  const folder = await mkdtemp(join(tmpdir(), 'flashclaim-bench-'));
  onDone(() => rm(folder, { recursive: true }));
  return contestantOf(name, bench, async (run, seconds) => {
    const bearersFile = bearers && join(folder, run);
    if (bearersFile) await writeFile(bearersFile, `${bearers(run, seconds).join('\n')}\n`);
    return runClaims(run, {
      client,
      running,
      connections: CONNECTIONS,
      expect: 'claimed',
      seconds,
      bearersFile,
      usersInTokens,
    });
  });
};

const tokenOf = (sub: string, key: KeyObject): string => {
  // biome-ignore lint/plugin/wall-clock: a token expires by the wall clock.
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const parts = [
    { alg: 'EdDSA', typ: 'JWT' },
    { iss: ISSUER, aud: AUDIENCE, sub, exp },
  ];
  const signed = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
};
