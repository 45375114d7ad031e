import { hash } from 'node:crypto';
import type { Mongo } from '@flashclaim/store';
import { FreshReads } from '../stores/fresh-reads.ts';
import type { StoreWatch } from '../stores/store-watch.ts';
import { type CouponRead, readCoupon } from './read-coupon.ts';

/** A coupon as it is answered. */
export interface CouponAnswer {
  body: Buffer;
  etag: string;
  /** Leads to the claims after those of `claimed_by`. Only where there are more. */
  link: string | undefined;
}

/** A read that is in flight, and the one after it, which everybody who has come meanwhile shares. */
interface Read {
  ended: Promise<void>;
  next: Promise<CouponAnswer | undefined> | undefined;
}

export interface CouponReadsOptions {
  mongo: Mongo;
  mongoWatch: Pick<StoreWatch, 'answer'>;
}

/**
 * Reads coupons, each by one read at a time. Callers who come while a read is in flight share the next one, and its bytes. So
 * each answer is as fresh as that of a read of its own, and a thousand callers cost MongoDB no more than one.
 */
export class CouponReads {
  readonly #inFlight = new Map<string, Read>();
  readonly #options: CouponReadsOptions;
  readonly #fresh: FreshReads;

  constructor(options: CouponReadsOptions) {
    this.#options = options;
    this.#fresh = new FreshReads(options.mongo);
  }

  /**
   * Reads a coupon and its first `usersMax` users, or without users where that is undefined. Resolves to undefined where there
   * is no such coupon.
   * @throws ProblemError `unavailable` where MongoDB does not answer.
   */
  read(name: string, usersMax: number | undefined): Promise<CouponAnswer | undefined> {
    const key = `${usersMax} ${name}`;
    const inFlight = this.#inFlight.get(key);
    if (!inFlight) return this.#start(key, name, usersMax);
    inFlight.next ??= inFlight.ended.then(() => this.#start(key, name, usersMax));
    return inFlight.next;
  }

  #start(key: string, name: string, usersMax: number | undefined): Promise<CouponAnswer | undefined> {
    const answer = this.#answer(name, usersMax);
    const end = () => {
      if (!read.next) this.#inFlight.delete(key);
    };
    const read: Read = { ended: answer.then(end, end), next: undefined };
    this.#inFlight.set(key, read);
    return answer;
  }

  async #answer(name: string, usersMax: number | undefined): Promise<CouponAnswer | undefined> {
    const { mongo, mongoWatch } = this.#options;
    const read = await mongoWatch.answer(() =>
      this.#fresh.read((session) => readCoupon({ mongo, session }, name, usersMax)),
    );
    return read ? toAnswer(read) : undefined;
  }
}

/** The answer with this coupon. Its tag is weak, because a proxy may compress the body. */
export const toAnswer = ({ coupon, next }: CouponRead): CouponAnswer => {
  const body = Buffer.from(JSON.stringify(coupon));
  const link =
    next && `</api/coupons/${encodeURIComponent(coupon.name)}/claims?status=claimed&after=${next}>; rel="next"`;
  return { body, etag: `W/"${hash('sha1', body, 'base64')}"`, link };
};
