import type { Logger } from '@flashclaim/runtime';
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';

/** The keys are read again so often, so that a key that the issuer has removed does not stay valid. */
const KEYS_REFRESH_EVERY_MS = 300_000;

/** A token with an unknown key makes this process ask the key server, but not more often than this. */
const KEYS_PAUSE_MS = 5_000;

const KEYS_TIMEOUT_MS = 3_000;

/** No key is known yet, because the key server has never answered. So nothing can be said about any token. */
export class KeysUnavailableError extends Error {}

/**
 * The issuer's keys, from its key server. Known keys stay valid while the server does not answer: an outage of the server must
 * not stop a sale. Unknown ones are refused then.
 */
export class RemoteKeys {
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #log: Pick<Logger, 'warn' | 'info'>;
  readonly #timer: NodeJS.Timeout;
  #nextReadAt = 0;
  #isDown = false;

  constructor(url: URL, log: Pick<Logger, 'warn' | 'info'>) {
    this.#log = log;
    this.#keys = createRemoteJWKSet(url, {
      // By default jose refuses all tokens once its copy is ten minutes old and the server does not answer.
      cacheMaxAge: Number.POSITIVE_INFINITY,
      // `#fetch` pauses instead: also after a failure, and whatever the wall clock says.
      cooldownDuration: 0,
      timeoutDuration: KEYS_TIMEOUT_MS,
      [customFetch]: this.#fetch,
    });
    this.#timer = setInterval(() => void this.#refresh(), KEYS_REFRESH_EVERY_MS);
    void this.#refresh();
  }

  /**
   * Finds the key of a token. Asks the server for an unknown one.
   * @throws KeysUnavailableError where no key is known, JOSEError where this key is not.
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await this.#keys(header, token);
    } catch {
      throw this.#keys.jwks() ? new errors.JWKSNoMatchingKey() : new KeysUnavailableError();
    }
  };

  close(): void {
    clearInterval(this.#timer);
  }

  readonly #fetch: FetchImplementation = async (url, options) => {
    if (performance.now() < this.#nextReadAt) throw new Error('the keys were read a moment ago');
    this.#nextReadAt = performance.now() + KEYS_PAUSE_MS;
    return fetch(url, options);
  };

  async #refresh(): Promise<void> {
    try {
      this.#nextReadAt = 0;
      await this.#keys.reload();
      if (this.#isDown) this.#log.info('the key server for tokens answers again');
      this.#isDown = false;
    } catch (error) {
      if (!this.#isDown)
        this.#log.warn(
          { error: (error as Error).message },
          'the key server for tokens does not answer (CLAIM_JWT_JWKS_URL): tokens with known keys are accepted, others are not',
        );
      this.#isDown = true;
    }
  }
}
