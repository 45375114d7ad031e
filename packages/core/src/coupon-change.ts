import { type CouponChange, type CouponFields, type NewCoupon, type SaleFields, toTime } from './coupon.ts';

type SaleTime = 'starts_at' | 'ends_at';

/** The settings that a change gives other values; null removes a time. */
export type ChangedSettings = { amount?: number; starts_at?: Date | null; ends_at?: Date | null; paused?: boolean };

/** A change that is made: the coupon then has this version. `added` units are added to the remaining ones; it may be negative. */
export interface Change {
  outcome: 'changed';
  version: number;
  settings: ChangedSettings;
  added: number;
}

/** What a change of a coupon comes to. `version` and `claimed` are those of the coupon. */
export type ChangeDecision =
  | Change
  | { outcome: 'unchanged'; version: number }
  | { outcome: 'version_conflict'; version: number }
  | { outcome: 'ends_before_start'; field: SaleTime }
  | { outcome: 'amount_below_claimed'; claimed: number };

type Settings = SaleFields & Pick<CouponFields, 'amount' | 'remaining_amount' | 'version'>;

/** Decides a change by the settings of the coupon: the first rule that applies is the decision. It is pure: no I/O, no clock. */
export const decideChange = (coupon: Settings, change: CouponChange): ChangeDecision => {
  const { amount, remaining_amount, version } = coupon;
  if (change.version !== undefined && change.version !== version) return { outcome: 'version_conflict', version };
  const field = findMisplacedTime(coupon, change);
  if (field) return { outcome: 'ends_before_start', field };
  const added = (change.amount ?? amount) - amount;
  if (remaining_amount + added < 0) return { outcome: 'amount_below_claimed', claimed: amount - remaining_amount };
  const settings = changedSettings(coupon, change);
  if (Object.keys(settings).length === 0) return { outcome: 'unchanged', version };
  return { outcome: 'changed', version: version + 1, settings, added };
};

/**
 * The time of a request because of which a coupon would end before or when it starts; undefined where it does not. A time that
 * the request does not have is that of the coupon.
 */
export const findMisplacedTime = (
  coupon: SaleFields,
  request: Pick<CouponChange | NewCoupon, SaleTime>,
): SaleTime | undefined => {
  const { starts_at, ends_at } = request;
  if (starts_at === undefined && ends_at === undefined) return undefined;
  const start = starts_at === undefined ? coupon.starts_at : toTime(starts_at);
  const end = ends_at === undefined ? coupon.ends_at : toTime(ends_at);
  if (!start || !end || start < end) return undefined;
  return ends_at === undefined ? 'starts_at' : 'ends_at';
};

const changedSettings = (coupon: Settings, change: CouponChange): ChangedSettings => {
  const { amount, paused } = change;
  return {
    ...(amount !== undefined && amount !== coupon.amount && { amount }),
    ...changedTime('starts_at', coupon, change),
    ...changedTime('ends_at', coupon, change),
    ...(paused !== undefined && paused !== (coupon.paused ?? false) && { paused }),
  };
};

const changedTime = (field: SaleTime, coupon: SaleFields, change: CouponChange): ChangedSettings => {
  if (change[field] === undefined) return {};
  const time = toTime(change[field]);
  return time?.getTime() === coupon[field]?.getTime() ? {} : { [field]: time ?? null };
};
