import { isUnknown } from './attempts.ts';
import type { CreateCall, ReadCall, SettingsCall } from './record.ts';
import type { ExistingCoupon } from './state.ts';
import { Timeline, type Write } from './timeline.ts';
import { Versions } from './versions.ts';

export interface Settings {
  amount: number;
  startsAt: number | null;
  endsAt: number | null;
  paused: boolean;
}

const FIELDS = ['amount', 'startsAt', 'endsAt', 'paused'] as const;

interface Sources {
  stock?: ExistingCoupon | undefined;
  reads: readonly ReadCall[];
  creates: readonly CreateCall[];
  changes: readonly SettingsCall[];
}

/** Which settings a coupon can have had, and when. */
export class CouponSettings {
  readonly versions: Versions;
  readonly #timelines = new Map<keyof Settings, Timeline>();

  constructor({ stock, reads, creates, changes }: Sources) {
    const effective = changes.filter(mayChange);
    this.versions = new Versions(stock?.version, [...reads, ...effective]);
    const writes = effective.flatMap((change) => {
      const times = timesOf(change, this.versions, effective, reads);
      return times ? [{ change, times }] : [];
    });
    const created = createdWith(creates);
    for (const field of FIELDS) {
      const own = writes.filter(({ change }) => change.set[field] !== undefined);
      const initial = created ? created[field] : own.length === 0 ? finalOf(stock)?.[field] : undefined;
      this.#timelines.set(
        field,
        new Timeline(
          initial,
          own.map(({ change, times }): Write => ({ ...times, value: change.set[field] })),
        ),
      );
    }
  }

  /** The values that a setting can have had at some moment of an interval; undefined where they are not known. */
  possible<Field extends keyof Settings>(field: Field, from: number, to: number): Settings[Field][] | undefined {
    return this.#timelines.get(field)?.valuesIn(from, to) as Settings[Field][] | undefined;
  }

  /** At no moment of the interval was the amount smaller. */
  amountMin(from: number, to: number): number {
    return Math.min(...(this.possible('amount', from, to) ?? [0]));
  }

  /** At no moment of the interval was the amount greater. */
  amountMax(from: number, to: number): number {
    return Math.max(...(this.possible('amount', from, to) ?? [Number.POSITIVE_INFINITY]));
  }
}

/** The settings of a coupon in the database. */
export const finalOf = (stock: ExistingCoupon | undefined): Settings | undefined =>
  stock && {
    amount: stock.amount,
    startsAt: stock.startsAt ?? null,
    endsAt: stock.endsAt ?? null,
    paused: stock.paused ?? false,
  };

/** Whether a change may have had an effect. */
export const mayChange = (change: SettingsCall): boolean => change.status === 200 || isUnknown(change);

/** The settings that the coupon was created with, where that is known. */
const createdWith = (creates: readonly CreateCall[]): Settings | undefined => {
  const certain = creates.filter(({ status }) => status === 201);
  const possible = certain.length > 0 ? certain : creates.filter(({ status }) => status === undefined || status >= 500);
  const settings = possible.map(
    ({ amount, startsAt = null, endsAt = null, paused = false }): Settings => ({ amount, startsAt, endsAt, paused }),
  );
  const [first] = settings;
  return first && settings.every((other) => FIELDS.every((field) => other[field] === first[field])) ? first : undefined;
};

/** When a change was made; undefined if it can't have been made. */
const timesOf = (
  change: SettingsCall,
  versions: Versions,
  changes: readonly SettingsCall[],
  reads: readonly ReadCall[],
): Omit<Write, 'value'> | undefined => {
  const { invokedAt, answeredAt = Number.POSITIVE_INFINITY, version } = change;
  if (change.status === 200) return { from: invokedAt, latest: answeredAt, by: answeredAt, version };
  // A change without an answer made one of the versions, if any: one that no other change made, and that has its values.
  const last = versions.greatest(Number.POSITIVE_INFINITY);
  if (!Number.isFinite(last))
    return { from: invokedAt, latest: Number.POSITIVE_INFINITY, by: Number.POSITIVE_INFINITY };
  const expected = change.set.version;
  for (let made = expected === undefined ? last : Math.min(last, expected + 1); made > (expected ?? 1); made--)
    if (canHaveMade(change, made, changes, reads))
      return { from: invokedAt, latest: versions.seenAt(made), by: Number.POSITIVE_INFINITY };
  return undefined;
};

const canHaveMade = (
  { set, invokedAt }: SettingsCall,
  made: number,
  changes: readonly SettingsCall[],
  reads: readonly ReadCall[],
): boolean => {
  const isOther = (other: SettingsCall) =>
    other.status === 200 &&
    other.version === made &&
    // It made this version itself, or the version is older.
    (other.set.version === made - 1 ||
      (other.answeredAt ?? Number.POSITIVE_INFINITY) < invokedAt ||
      FIELDS.some((field) => set[field] !== undefined && (other.set[field] ?? set[field]) !== set[field]));
  const isSeenOther = ({ version, amount, answeredAt = Number.POSITIVE_INFINITY }: ReadCall) =>
    version === made &&
    (answeredAt < invokedAt || (set.amount !== undefined && amount !== undefined && amount !== set.amount));
  return !changes.some(isOther) && !reads.some(isSeenOther);
};
