import type { Logger } from '@flashclaim/runtime';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

/** A token with an unknown key, or a failure, makes this process ask the key server, but not more often than this. */
const KEYS_PAUSE_MS = 5_000;

/**
 * Otherwise the keys are read again after so many pauses, 290 s. So a key that the issuer has removed is refused within six
 * minutes: a verified token is remembered for one more.
 */
const KEYS_REFRESH_PAUSES = 58;

const KEYS_TIMEOUT_MS = 3_000;

/** No key is known yet, because the key server has never answered. So nothing can be said about any token. */
export class KeysUnavailableError extends Error {}

export interface RemoteKeysOptions {
  log: Pick<Logger, 'warn' | 'info'>;
  /** Tokens that may wait for the key server. */
  waitingMax: number;
}

/**
 * The issuer's keys, from its key server. Known keys stay valid while the server does not answer: an outage of the server must
 * not stop a sale. Unknown ones are refused then.
 */
export class RemoteKeys {
  readonly #url: URL;
  readonly #options: RemoteKeysOptions;
  #known: ReturnType<typeof createLocalJWKSet> | undefined;
  #reading: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;
  #pauses = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #waiting = 0;
  #isDown = false;

  constructor(url: URL, options: RemoteKeysOptions) {
    this.#url = url;
    this.#options = options;
    this.#timer = setInterval(() => {
      if (++this.#pauses >= KEYS_REFRESH_PAUSES || this.#isDown) void this.#read();
    }, KEYS_PAUSE_MS);
    void this.#read();
  }

  /**
   * Finds the key of a token. Asks the server for an unknown one.
   * @throws KeysUnavailableError where no key is known, JOSEError where this key is not, or several could be meant.
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const find = () => {
      if (!this.#known) throw new KeysUnavailableError();
      return this.#known(header, token);
    };
    if (this.#known) {
      try {
        return await find();
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
    }
    await this.#readAgain();
    return find();
  };

  close(): void {
    clearInterval(this.#timer);
  }

  /** Waits for the server, unless too many do, or it was asked a moment ago. */
  async #readAgain(): Promise<void> {
    if (this.#waiting >= this.#options.waitingMax) return;
    if (!this.#reading && performance.now() - this.#readAt < KEYS_PAUSE_MS) return;
    this.#waiting++;
    try {
      await (this.#reading ?? this.#read());
    } finally {
      this.#waiting--;
    }
  }

  #read(): Promise<void> {
    this.#pauses = 0;
    this.#readAt = performance.now();
    this.#reading = this.#ask().then((isDown) => {
      this.#reading = undefined;
      this.#isDown = isDown;
    });
    return this.#reading;
  }

  /** Resolves to whether the server is down. */
  async #ask(): Promise<boolean> {
    const { log } = this.#options;
    try {
      const response = await fetch(this.#url, { redirect: 'error', signal: AbortSignal.timeout(KEYS_TIMEOUT_MS) });
      if (response.status !== 200) throw new Error(`it answers ${response.status}`);
      this.#known = createLocalJWKSet((await response.json()) as JSONWebKeySet);
      if (this.#isDown) log.info('the key server for tokens answers again');
      return false;
    } catch (error) {
      if (!this.#isDown)
        log.warn(
          { error: (error as Error).message },
          'the key server for tokens does not answer (CLAIM_JWT_JWKS_URL): tokens with known keys are accepted, others are not',
        );
      return true;
    }
  }
}
