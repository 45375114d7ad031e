import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'flashclaim-tests';

type Algorithm = 'EdDSA' | 'ES256' | 'RS256' | 'ES384' | 'PS256';

/** A key of an issuer, with its id. */
export interface IssuerKey {
  kid: string;
  algorithm: Algorithm;
  privateKey: CryptoKey;
  jwk: JWK;
  pem: string;
}

export const newKey = async (kid: string, algorithm: Algorithm = 'EdDSA'): Promise<IssuerKey> => {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, use: 'sig' };
  return { kid, algorithm, privateKey, jwk, pem: await exportSPKI(publicKey) };
};

export interface TokenParts {
  /** Claims beyond the usual ones, or in their place; undefined leaves one out. */
  claims?: JWTPayload;
  header?: Partial<JWTHeaderParameters>;
}

/** Seconds since the epoch, some seconds from now. */
// biome-ignore lint/plugin/wall-clock: a token expires by the wall clock.
export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

/** A token for this user. It is valid for a minute, unless `claims` say otherwise. */
export const tokenOf = (key: IssuerKey, sub: string, { claims = {}, header = {} }: TokenParts = {}): Promise<string> =>
  new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub, exp: inSeconds(60), ...claims })
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, ...header })
    // An extension that only a test knows.
    .sign(key.privateKey, { crit: { x: true } });

/** An HTTP server with the keys of an issuer, as a JSON Web Key Set. */
export interface KeyServer {
  url: string;
  /** How often the keys were read. */
  reads: number;
  /** Serves these keys from now on; undefined: answers 500. */
  serve(keys: readonly IssuerKey[] | undefined): void;
  close(): Promise<void>;
}

export const startKeyServer = async (...keys: IssuerKey[]): Promise<KeyServer> => {
  let served: readonly IssuerKey[] | undefined = keys;
  const server = createServer((_, response) => {
    keyServer.reads++;
    if (!served) return response.writeHead(500).end();
    const body = JSON.stringify({ keys: served.map(({ jwk }) => jwk) });
    return response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    reads: 0,
    serve: (next) => {
      served = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return keyServer;
};
