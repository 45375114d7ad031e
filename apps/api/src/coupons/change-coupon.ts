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
import type { UpdateFilter } from 'mongodb';
import { ProblemError } from '../http/problem.ts';
import { isStoreDown } from '../stores/is-store-down.ts';
import { StoreDownError } from '../stores/store-watch.ts';
import { READ_PROJECTION, type ReadFields } from './read-coupon.ts';

/** After this time since its arrival, a change begins no attempt. */
const CHANGE_BEGIN_MAX_SECONDS = 2;

/** The longest pause after a conflict. A transaction of claims locks the coupon for about as long. */
const CHANGE_PAUSE_MAX_MS = 10;

/** The coupon after the change, or why it is not made. */
export type ChangeOutcome =
  | { outcome: 'changed'; coupon: ReadFields }
  | { outcome: 'unchanged'; coupon: ReadFields }
  | Exclude<ChangeDecision, { outcome: 'changed' | 'unchanged' }>
  | { outcome: 'coupon_not_found' };

/**
 * Changes the settings of coupons, each in a transaction of its own, which does not wait in the lane: a pause must work while the
 * lane is stuck.
 *
 * After a change, no claim commits under the old settings: a transaction of claims updates the coupon before it checks its
 * settings. If it has updated the coupon of before the change, one of the two transactions fails with a write conflict, or the
 * claims have committed first.
 *
 * The decision is made before the transaction: then the transaction begins with the update, and conflicts only where the coupon
 * is locked at that moment. A read in the transaction would make it conflict with each claim since that read.
 */
export class CouponChanges {
  /** The last change of each coupon in this process. */
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #mongo: Mongo;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
  }

  /**
   * Changes a coupon. `name` is normalised. Resolves once a majority has the change. No attempt begins after
   * `ended`: a change whose caller has got a 503 would undo later ones.
   * @throws ProblemError `unavailable` with `done: nothing`. A MongoError where the outcome of the commit is unknown.
   */
  async change(name: string, change: CouponChange, ended: AbortSignal): Promise<ChangeOutcome> {
    const limit = { ended, until: performance.now() + CHANGE_BEGIN_MAX_SECONDS * 1_000 };
    for (;;) {
      const changed = await this.#inTurn(name, () => changeCoupon(this.#mongo, { name, change, limit }));
      if (changed) return changed;
      // Not in turn: it may take 100 ms, because MongoDB waits until its journal is written.
      const confirmed = decide(await readSettings(this.#mongo, name, 'linearizable'), change);
      if (confirmed.outcome !== 'changed') return confirmed;
    }
  }

  /** Changes of a coupon wait for each other: they would only conflict. */
  #inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(name) ?? Promise.resolve()).then(task);
    const end = () => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    };
    const ended = result.then(end, end);
    this.#last.set(name, ended);
    return result;
  }
}

/** An attempt may begin until a time of the monotonic clock, and only while the caller waits. */
interface TimeLimit {
  until: number;
  ended: AbortSignal;
}

interface Attempt {
  name: string;
  change: CouponChange;
  limit: TimeLimit;
}

/** Resolves to undefined where the change is not made: that must be confirmed. */
const changeCoupon = async (mongo: Mongo, { name, change, limit }: Attempt): Promise<ChangeOutcome | undefined> => {
  for (;;) {
    requireTime(limit);
    const decision = decide(await readSettings(mongo, name, 'majority'), change);
    if (decision.outcome !== 'changed') return undefined;
    for (let result: CommitResult = 'conflict'; result === 'conflict'; ) {
      requireTime(limit);
      result = await commitChange(mongo, decision);
      if (typeof result === 'object') return { outcome: 'changed', coupon: result };
      await sleep(Math.random() * CHANGE_PAUSE_MAX_MS);
    }
  }
};

type Decided = (Change & { coupon: ReadFields }) | Exclude<ChangeOutcome, { outcome: 'changed' }>;

const decide = (coupon: ReadFields | null, change: CouponChange): Decided => {
  if (!coupon) return { outcome: 'coupon_not_found' };
  const decision = decideChange(coupon, change);
  if (decision.outcome === 'changed') return { ...decision, coupon };
  return decision.outcome === 'unchanged' ? { ...decision, coupon } : decision;
};

const TOO_MANY_CONFLICTS = `The change conflicted with claims or other changes of this coupon for ${CHANGE_BEGIN_MAX_SECONDS} s. Nothing was done. Try again shortly.`;

const requireTime = ({ until, ended }: TimeLimit): void => {
  if (ended.aborted || performance.now() > until) throw new ProblemError('unavailable', TOO_MANY_CONFLICTS);
};

/** The simulation replaces the global timer by its own clock. It can't replace that of `node:timers/promises`. */
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/**
 * The majority reads of a primary that is new, or that was replaced and does not know it yet, may return old settings. The update
 * checks the decision to change them. Every other decision is confirmed by a linearizable read.
 */
type ReadLevel = 'majority' | 'linearizable';

const readSettings = ({ coupons }: Mongo, name: string, level: ReadLevel): Promise<ReadFields | null> =>
  coupons
    .findOne<ReadFields>({ name }, { readConcern: { level }, maxTimeMS: QUERY_TIMEOUT_MS, projection: READ_PROJECTION })
    .catch(throwNothingDone);

const throwNothingDone = (error: unknown): never => {
  throw isStoreDown(error) ? new StoreDownError('MongoDB', false) : error;
};

/** The changed coupon. `contradicted`: the coupon is no longer as it was when the change was decided. */
type CommitResult = ReadFields | 'contradicted' | 'conflict';

class Contradicted extends Error {}

const commitChange = async (mongo: Mongo, change: Change & { coupon: ReadFields }): Promise<CommitResult> => {
  const { added, coupon, settings } = change;
  let isCommitting = false;
  try {
    return await inTransaction(mongo.client, async (session) => {
      const enough = added < 0 ? { remaining_amount: { $gte: -added } } : {};
      const changed = await withDriverTimeout(
        mongo.coupons.findOneAndUpdate({ _id: coupon._id, version: coupon.version, ...enough }, updateOf(change), {
          session,
          returnDocument: 'after',
        }),
      );
      if (!changed) throw new Contradicted();
      const { _id: coupon_id, event_count: number, issued: after_sequence, updated_at: at } = changed;
      await insertEvents(mongo, session, [
        { coupon_id, number, after_sequence, type: 'coupon.changed', at, data: settings },
      ]);
      isCommitting = true;
      return { ...changed, now: at };
    });
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
