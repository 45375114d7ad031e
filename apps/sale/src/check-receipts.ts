/**
 * A second checker of histories. It shares no code with packages/audit and knows no database: it judges what callers were
 * answered by the sequence numbers of their receipts. A coupon gives its numbers 1, 2, 3 … in the order of the grants, so a
 * receipt with the number n proves n grants.
 */

/** A line of a history, as far as it is read here. Times are ms on one clock. */
interface Line {
  op: string;
  invokedAt: number;
  answeredAt?: number;
  status?: number;
  code?: string;
  done?: string;
  user?: string;
  coupon?: string;
  key?: string;
  claimId?: string;
  sequence?: number;
  amount?: number;
  claimed?: number;
  set?: { amount?: number };
}

/** What callers know about a granted claim. It was granted between `from` and `by`, and released between the other two. */
interface Receipt {
  user?: string | undefined;
  coupon?: string | undefined;
  sequence?: number | undefined;
  from: number;
  by: number;
  releasedFrom: number;
  releasedBy: number;
}

export interface ReceiptFault {
  fault: 'oversold' | 'double' | 'lost' | 'false refusal' | 'undersold' | 'misnumbered';
  /** What was found, without user ids. */
  found: string;
}

const NEVER = Number.POSITIVE_INFINITY;
const REFUSALS = new Set(['already_claimed', 'sale_not_open', 'out_of_stock', 'coupon_not_found']);

/** Judges the lines of a history whose coupons were new when it began. Without faults the list is empty. */
export const checkReceipts = (history: readonly object[]): ReceiptFault[] => {
  const lines = history as readonly Line[];
  const receipts = receiptsOf(lines);
  const names = new Set(lines.flatMap(({ coupon }) => coupon ?? []));
  return [...names].flatMap((name) => [...checkCoupon(name, lines, receipts)]);
};

const keyOf = ({ user, key }: Line): string | undefined => key && JSON.stringify([user, key]);
const timeOf = ({ answeredAt = NEVER }: Line): number => answeredAt;
/** Whether a call may have had an effect that no receipt proves. */
const isUnknown = ({ op, status = 0, code, done, claimId }: Line): boolean =>
  status === 0 ||
  status === 202 ||
  (op === 'claim' && status === 200 && claimId === undefined) ||
  (status >= 500 && code !== 'overloaded' && done !== 'nothing');

/** Whether the status of a claim that was answered 202 says that it was refused. */
const isRefusedLater = ({ op, status, code = 'pending' }: Line): boolean =>
  op === 'status' && status === 200 && !['pending', 'claimed', 'released'].includes(code);

/** The id of a claim, also where only another request with its key was answered. */
const idsOf = (lines: readonly Line[]) => {
  const known = new Map(lines.flatMap((line) => (line.key && line.claimId ? [[keyOf(line), line.claimId]] : [])));
  return (line: Line) => line.claimId ?? known.get(keyOf(line)) ?? '';
};

const receiptsOf = (lines: readonly Line[]): Map<string, Receipt> => {
  const idOf = idsOf(lines);
  const all = new Map<string, Receipt>();
  for (const line of lines) {
    const id = idOf(line);
    if (!id) continue;
    const one = all.get(id) ?? { from: NEVER, by: NEVER, releasedFrom: NEVER, releasedBy: NEVER };
    all.set(id, one);
    const { op, status, code } = line;
    const isReleased = (op === 'release' && status === 200) || code === 'claim_released' || code === 'released';
    const isGranted = isReleased || (status === 200 && (op === 'claim' || (op === 'status' && code === 'claimed')));
    if (op === 'claim') one.from = Math.min(one.from, line.invokedAt);
    if (op === 'release' && (status === 200 || isUnknown(line)))
      one.releasedFrom = Math.min(one.releasedFrom, line.invokedAt);
    if (isReleased) one.releasedBy = Math.min(one.releasedBy, timeOf(line));
    if (isGranted) one.by = Math.min(one.by, timeOf(line));
    if (isGranted || status === 202) {
      one.user = line.user ?? one.user;
      one.coupon = line.coupon ?? one.coupon;
      one.sequence = line.sequence ?? one.sequence;
    }
  }
  // Only a release or a status was answered: the request of the claim was, at any time before.
  for (const one of all.values()) if (one.from === NEVER) one.from = -NEVER;
  return all;
};

function* checkCoupon(name: string, lines: readonly Line[], all: Map<string, Receipt>): Generator<ReceiptFault> {
  const idOf = idsOf(lines);
  const own = lines.filter(({ coupon }) => coupon === name);
  const receipts = [...all.values()].filter(({ coupon, by }) => coupon === name && by < NEVER);
  const numbered = receipts.filter(({ sequence }) => sequence !== undefined).sort(bySequence);
  const calls = own.filter(({ op }) => op === 'claim');
  const refused = new Set(lines.flatMap((line) => (isRefusedLater(line) ? (line.claimId ?? []) : [])));
  const granted = new Set<Receipt | undefined>(receipts);
  const isSettled = (id: string) => refused.has(id) || granted.has(all.get(id));
  const unknown = calls.filter((call) => isUnknown(call) && !isSettled(idOf(call)));
  const created = own.find(({ op, status }) => op === 'create' && status === 201)?.amount;
  const changed = own.flatMap(({ set }) => set?.amount ?? []);
  const [least, most] = created ? [Math.min(created, ...changed), Math.max(created, ...changed)] : [0, NEVER];
  // A release without a receipt names no coupon, so it may be of this one.
  const maybeReleased = sorted(
    [...all.values()].filter(({ coupon }) => coupon === name || coupon === undefined).map((one) => one.releasedFrom),
  );
  const released = sorted(receipts.map(({ releasedBy }) => releasedBy));

  const beyond = numbered.filter(({ sequence = 0, by }) => sequence > most + countUntil(maybeReleased, by));
  for (const { sequence } of beyond)
    yield { fault: 'oversold', found: `"${name}" gave number ${sequence}, beyond its amount and its releases` };

  let latest = Number.NEGATIVE_INFINITY;
  for (const [index, { sequence, from, by }] of numbered.entries()) {
    if (sequence === numbered[index - 1]?.sequence)
      yield { fault: 'oversold', found: `"${name}" gave number ${sequence} to two claims` };
    if (by < latest) yield { fault: 'misnumbered', found: `"${name}" gave number ${sequence} before a smaller one` };
    latest = Math.max(latest, from);
  }

  const ofUser = Map.groupBy(receipts, ({ user }) => user);
  for (const held of ofUser.values())
    for (const [index, { by, sequence }] of held.sort(bySequence).entries())
      if (held.slice(0, index).some(({ releasedFrom }) => by < releasedFrom))
        yield { fault: 'double', found: `"${name}" gave number ${sequence} to a user who held a unit` };

  const reads = own.filter(({ op, status, claimed }) => op === 'read' && status === 200 && claimed !== undefined);
  let issued = numbered.at(-1)?.sequence ?? 0;
  for (const read of reads) {
    const { claimed = 0, invokedAt } = read;
    const known = numbered.findLast(({ by }) => by < invokedAt)?.sequence ?? 0;
    issued = Math.max(issued, claimed + countUntil(released, invokedAt));
    if (claimed + countUntil(maybeReleased, timeOf(read)) < known)
      yield { fault: 'lost', found: `a read of "${name}" had ${claimed} claims after number ${known} was given` };
  }
  const missing = issued - new Set(numbered.map(({ sequence }) => sequence)).size;
  if (numbered.length > 0 && missing > unknown.length)
    yield { fault: 'false refusal', found: `"${name}" gave ${missing} units that no caller knows of` };

  const asked = sorted([...receipts.map(({ from }) => from), ...unknown.map(({ invokedAt }) => invokedAt)]);
  const unknownOf = Map.groupBy(unknown, ({ user }) => user);
  for (const call of calls.filter(({ code = '' }) => REFUSALS.has(code))) {
    const { user, code, invokedAt } = call;
    const held = ofUser.get(user) ?? [];
    const holds = held.find(({ by, releasedFrom }) => by < invokedAt && releasedFrom > timeOf(call));
    const isOwn = holds !== undefined && all.get(idOf(call)) === holds;
    if (holds && (isOwn || code !== 'already_claimed'))
      yield {
        fault: 'false refusal',
        found: `"${name}" was refused (${code}) to the user of number ${holds.sequence}`,
      };
    const canHold =
      held.some((one) => one.from <= timeOf(call) && one.releasedBy >= invokedAt) ||
      unknownOf.get(user)?.some((other) => other.invokedAt <= timeOf(call));
    if (code === 'already_claimed' && !canHold)
      yield { fault: 'false refusal', found: `"${name}" was refused (${code}) to a user without a unit` };
    if (code !== 'out_of_stock') continue;
    const taken = countUntil(asked, timeOf(call)) - countUntil(released, invokedAt);
    if (taken < least)
      yield { fault: 'undersold', found: `"${name}" was out of stock when ${taken} units at most were taken` };
  }
}

const sorted = (times: readonly number[]): number[] => times.filter((time) => time < NEVER).sort((a, b) => a - b);

/** How many of these times, which are in order, are not after this one. */
const countUntil = (times: readonly number[], at: number): number => {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
};

const bySequence = (a: Receipt, b: Receipt): number => (a.sequence ?? 0) - (b.sequence ?? 0);
