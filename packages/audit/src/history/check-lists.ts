import type { Evidence } from './evidence.ts';
import type { Life } from './lives.ts';
import type { ListCall } from './record.ts';
import { earliest } from './sorted-times.ts';
import type { Violation } from './violation.ts';

/** I3: a walk over all pages of a list shows each entry once that was there for the whole walk, and none that never was. */
export function* checkLists(evidence: Evidence): Generator<Violation> {
  for (const list of evidence.lists) {
    const found = list.of === 'coupons' ? whyCouponsWrong(list, evidence) : whyClaimsWrong(list, evidence);
    if (found) yield { invariant: 'I3', found: `a list of ${list.of} ${found}`, requests: [list] };
  }
}

/** Whether the caller saw the end of the list. */
const isComplete = ({ status, error }: ListCall): boolean => status === 200 && error === undefined;

const whyClaimsWrong = (list: ListCall, { coupons, lives }: Evidence): string | undefined => {
  const { of, coupon, user, invokedAt, answeredAt = Number.POSITIVE_INFINITY } = list;
  const shown = list.pages.flat();
  const seen = new Set<string>();
  let last = 0;
  for (const id of shown) {
    const life = lives.get(id);
    if (!life) return `shows the claim ${id}, which does not exist`;
    const isOther = of === 'claims' ? life.claim.coupon !== coupon : life.claim.user !== user;
    if (isOther) return `shows the claim ${id}, which belongs to another list`;
    if (life.grantedFrom > answeredAt) return `shows the claim ${id} before it was requested`;
    if (!canMatch(life, list)) return `of status ${list.only} shows the claim ${id}`;
    // A claim that is released during the walk may move in a list that has live claims first.
    if (seen.has(id) && !(of === 'user' && mayEnd(life, invokedAt, answeredAt))) return `shows the claim ${id} twice`;
    seen.add(id);
    if (of === 'claims' && life.claim.sequence < last) return `shows the claim ${id} after one with a greater number`;
    last = life.claim.sequence;
  }
  if (!isComplete(list)) return undefined;
  const expected = of === 'claims' ? (coupons.get(coupon ?? '')?.lives ?? []) : lives.values();
  for (const life of expected)
    if ((of === 'claims' || life.claim.user === user) && mustMatch(life, list) && !seen.has(life.claim.id))
      return `does not show the claim ${life.claim.id}, which was there before it began`;
  return undefined;
};

/** Whether the claim can have ended during an interval. */
const mayEnd = ({ releasedFrom, releasedBy }: Life, from: number, to: number): boolean =>
  releasedFrom <= to && releasedBy >= from;

/** Whether the claim can have had the status of the list at some moment of the walk. */
const canMatch = ({ releasedFrom, releasedBy }: Life, list: ListCall): boolean => {
  const { only, invokedAt, answeredAt = Number.POSITIVE_INFINITY } = list;
  if (only === 'claimed') return releasedBy >= invokedAt;
  return only === undefined || releasedFrom <= answeredAt;
};

/** Whether the claim certainly existed for the whole walk, with the status of the list. */
const mustMatch = ({ grantedBy, releasedFrom, releasedBy }: Life, list: ListCall): boolean => {
  const { only, of, invokedAt, answeredAt = Number.POSITIVE_INFINITY } = list;
  if (grantedBy >= invokedAt) return false;
  if (only === 'released') return releasedBy < invokedAt;
  const isLive = releasedFrom > answeredAt;
  // In the list of a user, a claim that moves behind the cursor, or before it, may be missed.
  return isLive || (only === undefined && (of === 'claims' || releasedBy < invokedAt));
};

const whyCouponsWrong = (list: ListCall, { coupons }: Evidence): string | undefined => {
  const { prefix = '', invokedAt } = list;
  const shown = list.pages.flat();
  const seen = new Set(shown);
  const twice = shown.length > seen.size ? shown.find((name, index) => shown.indexOf(name) < index) : undefined;
  if (twice !== undefined) return `shows "${twice}" twice`;
  const other = shown.find((name) => !name.startsWith(prefix));
  if (other !== undefined) return `with the prefix "${prefix}" shows "${other}"`;
  if (!isComplete(list)) return undefined;
  for (const { name, creates, reads } of coupons.values()) {
    if (seen.has(name) || !name.startsWith(prefix)) continue;
    const answers = [
      ...creates.filter(({ status }) => status === 201),
      ...reads.filter(({ status }) => status === 200),
    ];
    if (earliest(answers.map(({ answeredAt = Number.POSITIVE_INFINITY }) => answeredAt)) < invokedAt)
      return `does not show "${name}", which was there before it began`;
  }
  return undefined;
};
