import {
  type Change,
  type ChangeDecision,
  type CouponChange,
  type CouponFields,
  decideChange,
  QUERY_TIMEOUT_MS,
} from '@flashclaim/core';
import {
  insertEvents,
  inTransaction,
  isCommitUnknown,
  isTransient,
  type Mongo,
  withDriverTimeout,
} from '@flashclaim/store';
import type { UpdateFilter, WithId } from 'mongodb';
import { ProblemError } from '../http/problem.ts';
import { isStoreDown } from '../stores/is-store-down.ts';
import { StoreDownError } from '../stores/store-watch.ts';

/** How long a change is retried while it conflicts with claims. */
const CHANGE_RETRY_MAX_SECONDS = 2;

/** The longest pause after a conflict. A transaction of claims locks the coupon for about as long. */
const CHANGE_PAUSE_MAX_MS = 10;

export type ChangeOutcome = ChangeDecision | { outcome: 'coupon_not_found' };

/** Changes the settings of coupons. Changes of the same coupon in this process wait for each other: they would only conflict. */
export class CouponChanges {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #mongo: Mongo;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
  }

  /**
   * Changes a coupon. `name` is normalised. Resolves once a majority has the change.
   * @throws ProblemError `unavailable` with `done: nothing`. A MongoError where the outcome of the commit is unknown.
   */
  change(name: string, change: CouponChange): Promise<ChangeOutcome> {
    const deadline = performance.now() + CHANGE_RETRY_MAX_SECONDS * 1_000;
    const earlier = this.#last.get(name) ?? Promise.resolve();
    const changed = earlier.then(() => changeCoupon(this.#mongo, name, change, deadline));
    const end = () => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    };
    const ended = changed.then(end, end);
    this.#last.set(name, ended);
    return changed;
  }
}

/**
 * Changes a coupon in a transaction of its own, which does not wait in the lane: a pause must work while the lane is stuck.
 *
 * After that, no claim commits under the old settings: a transaction of claims updates the coupon before it checks its settings.
 * If it has updated the coupon of before the change, one of the two transactions fails with a write conflict, or the claims have
 * committed first.
 *
 * The decision is made before the transaction: then the transaction begins with the update, and conflicts only where the coupon
 * is locked at that moment. A read in the transaction would make it conflict with each claim since that read.
 */
const changeCoupon = async (
  mongo: Mongo,
  name: string,
  change: CouponChange,
  deadline: number,
): Promise<ChangeOutcome> => {
  let level: ReadLevel = 'majority';
  for (;;) {
    const coupon = await readSettings(mongo, name, level);
    const decision = coupon ? decideChange(coupon, change) : ({ outcome: 'coupon_not_found' } as const);
    if (decision.outcome !== 'changed' && level === 'majority') {
      level = 'linearizable';
      continue;
    }
    if (!coupon || decision.outcome !== 'changed') return decision;
    for (let result: CommitResult = 'conflict'; result === 'conflict'; ) {
      if (performance.now() > deadline) throw new ProblemError('unavailable', TOO_MANY_CONFLICTS);
      result = await commitChange(mongo, coupon, decision);
      if (result === 'committed') return decision;
      if (result === 'conflict') await sleep(Math.random() * CHANGE_PAUSE_MAX_MS);
    }
  }
};

const TOO_MANY_CONFLICTS = `The change conflicted with claims of this coupon for ${CHANGE_RETRY_MAX_SECONDS} s. Nothing was done. Try again shortly.`;

/** The simulation replaces the global timer by its own clock. It can't replace that of `node:timers/promises`. */
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/**
 * The majority reads of a primary that is new, or that was replaced and does not know it yet, may return old settings. The update
 * checks the decision to change them. Every other decision is confirmed by a linearizable read. That may take 100 ms: MongoDB
 * waits until its journal is written.
 */
type ReadLevel = 'majority' | 'linearizable';

const readSettings = ({ coupons }: Mongo, name: string, level: ReadLevel): Promise<WithId<CouponFields> | null> =>
  coupons.findOne({ name }, { readConcern: { level }, maxTimeMS: QUERY_TIMEOUT_MS }).catch(throwNothingDone);

const throwNothingDone = (error: unknown): never => {
  throw isStoreDown(error) ? new StoreDownError('MongoDB', false) : error;
};

/** `contradicted`: the coupon is no longer as it was when the change was decided. */
type CommitResult = 'committed' | 'contradicted' | 'conflict';

class Contradicted extends Error {}

const commitChange = async (mongo: Mongo, coupon: WithId<CouponFields>, change: Change): Promise<CommitResult> => {
  let isCommitting = false;
  try {
    await inTransaction(mongo.client, async (session) => {
      const { added } = change;
      const enough = added < 0 ? { remaining_amount: { $gte: -added } } : {};
      const changed = await withDriverTimeout(
        mongo.coupons.findOneAndUpdate({ _id: coupon._id, version: coupon.version, ...enough }, updateOf(change), {
          session,
          returnDocument: 'after',
        }),
      );
      if (!changed) throw new Contradicted();
      const { _id: coupon_id, event_count: number, issued: after_sequence, updated_at: at } = changed;
      const event = { coupon_id, number, after_sequence, type: 'coupon.changed', at, data: change.settings } as const;
      await insertEvents(mongo, session, [event]);
      isCommitting = true;
    });
    return 'committed';
  } catch (error) {
    if (error instanceof Contradicted) return 'contradicted';
    if (isCommitUnknown(error)) throw error;
    if (isTransient(error)) return 'conflict';
    if (!isCommitting) throwNothingDone(error);
    throw error;
  }
};

const updateOf = ({ settings, added }: Change): UpdateFilter<CouponFields> => {
  const isSet = ([, value]: [string, unknown]) => value !== null && value !== false;
  const { set = [], unset = [] } = Object.groupBy(Object.entries(settings), (one) => (isSet(one) ? 'set' : 'unset'));
  return {
    $set: Object.fromEntries(set),
    $unset: Object.fromEntries(unset.map(([field]) => [field, ''])),
    $inc: { remaining_amount: added, version: 1, event_count: 1 },
    $currentDate: { updated_at: true },
  };
};
