import type { CouponEvidence, Evidence } from './evidence.ts';
import type { SettingsCall } from './record.ts';
import { finalOf, type Settings } from './settings.ts';
import type { Violation } from './violation.ts';

const FIELDS = ['amount', 'startsAt', 'endsAt', 'paused'] as const;

/**
 * I4: a change that was answered 200 lasts until the next one, and none is lost. I1: no amount is below the live claims. I5: no
 * change is refused without the reason that its answer says.
 */
export function* checkSettings({ coupons }: Evidence): Generator<Violation> {
  for (const coupon of coupons.values()) {
    if (coupon.changes.length === 0) continue;
    for (const change of coupon.changes) {
      const found = whyWrong(coupon, change);
      if (found) yield { ...found, requests: [change] };
    }
    yield* checkVersions(coupon);
    yield* checkFinal(coupon);
  }
}

type Found = Omit<Violation, 'requests'>;

const whyWrong = (coupon: CouponEvidence, change: SettingsCall): Found | undefined => {
  const { name, flow, settings } = coupon;
  const { status, code, set, version, invokedAt, answeredAt = Number.POSITIVE_INFINITY } = change;
  const { amount, version: expected } = set;
  const least = settings.versions.least(invokedAt);
  const greatest = settings.versions.greatest(answeredAt);
  if (status === 200) {
    const live = flow.liveMin(invokedAt, answeredAt);
    if (amount !== undefined && amount < live)
      return { invariant: 'I1', found: `the amount of "${name}" became ${amount}, below ${live} live claims` };
    if (version === undefined) return undefined;
    if (version < least || version > greatest)
      return i4(`a change of "${name}" made the version ${version}; ${least} to ${greatest} expected`);
    if (expected !== undefined && version !== expected && version !== expected + 1)
      return i4(`a change of the version ${expected} of "${name}" made the version ${version}; the next one expected`);
    return undefined;
  }
  const live = flow.liveMax(invokedAt, answeredAt);
  if (code === 'amount_below_claimed' && amount !== undefined && amount >= live)
    return {
      invariant: 'I5',
      found: `the amount ${amount} of "${name}" was refused (${code}), but at most ${live} claims can have been live`,
    };
  if (code === 'version_conflict' && expected === least && expected === greatest)
    return { invariant: 'I5', found: `a change of "${name}" was refused (${code}), but its version was ${expected}` };
  return undefined;
};

const i4 = (found: string): Found => ({ invariant: 'I4', found });

/** Two changes make two versions, and every answer with the same version is about the same settings. */
function* checkVersions({ name, changes }: CouponEvidence): Generator<Violation> {
  const answered = changes.filter(({ status, version }) => status === 200 && version !== undefined);
  for (const [version, same] of Map.groupBy(answered, (change) => change.version as number)) {
    if (same.length === 1) continue;
    const made = same.filter(({ set }) => set.version === version - 1);
    if (made.length > 1) {
      const found = `${made.length} changes of the version ${version - 1} of "${name}" were made; one expected`;
      yield { ...i4(found), requests: made };
    } else if (FIELDS.some((field) => new Set(same.map(({ set }) => set[field]).filter(isSet)).size > 1))
      yield { ...i4(`different changes of "${name}" made the version ${version}`), requests: same };
  }
}

const isSet = (value: unknown): boolean => value !== undefined;

/** The settings in the database are those of the last change. */
function* checkFinal({ name, stock, settings, changes }: CouponEvidence): Generator<Violation> {
  const final = finalOf(stock);
  if (!final) return;
  for (const field of FIELDS) {
    const possible: readonly Settings[keyof Settings][] | undefined = settings.possible(
      field,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    );
    if (!possible || possible.includes(final[field])) continue;
    yield {
      ...i4(`${field} of "${name}" is ${final[field]} in the end; ${possible.join(' or ')} expected`),
      requests: changes.filter(({ set }) => set[field] !== undefined),
    };
  }
}
