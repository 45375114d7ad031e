import { dueTimes } from './scenarios.ts';

/** A call that a caller will make. */
export interface PlannedCall {
  kind: 'claim' | 'read';
  /** In ms after the begin of the sale. Answer times count from here, also where no connection was free. */
  due: number;
  user: string;
  /** Of the claim, the same in its retries. */
  key?: string | undefined;
  /** The caller closes the connection this long after the request was sent. */
  hangUpAfterMs?: number | undefined;
  /** The caller repeats the claim after its answer. */
  isRepeated?: boolean;
}

/** What a plan is made of: the fields of the options with these names. */
export interface PlanOptions {
  /** Different in each sale: a key that is used again belongs to the earlier claim. */
  saleId: string;
  users: number;
  attempts?: number;
  readsPerClaim?: number;
  arrival: 'burst' | 'ramp' | 'poisson';
  rate?: number | undefined;
  doubleDip: number;
  hangUp: number;
  retry: number;
}

/** Within this time a caller hangs up: before, while or after the server decides. */
const HANG_UP_MAX_MS = 20;

/** The calls of a sale in the order of their times. Which users dip twice, hang up or retry is random; how many is not. */
export const planCalls = (options: PlanOptions): PlannedCall[] => {
  const { saleId, users, attempts = 1, readsPerClaim = 0, arrival, rate } = options;
  const behaviours = shuffle(behavioursOf(options));
  const calls = dueTimes(users, arrival, rate).flatMap((due, index): PlannedCall[] => {
    const user = `${saleId}-user-${index + 1}`;
    const behaviour = behaviours[index];
    const claims = behaviour === 'double dip' ? Math.max(2, attempts) : attempts;
    return Array.from({ length: claims }, (_, attempt) => ({
      ...{ kind: 'claim', due, user },
      ...(behaviour === 'retry' && { key: `${user}-claim-${attempt + 1}`, isRepeated: true }),
      ...(behaviour === 'hang up' && { hangUpAfterMs: Math.random() * HANG_UP_MAX_MS }),
    }));
  });
  const reads = dueTimes(users * readsPerClaim, arrival, rate && rate * readsPerClaim).map(
    (due, index): PlannedCall => ({ kind: 'read', due, user: `${saleId}-reader-${index + 1}` }),
  );
  return [...calls, ...reads].sort((a, b) => a.due - b.due);
};

type Behaviour = 'plain' | 'double dip' | 'hang up' | 'retry';

const behavioursOf = ({ users, doubleDip, hangUp, retry }: PlanOptions): Behaviour[] => {
  const counts: [Behaviour, number][] = [
    ['double dip', Math.round(users * doubleDip)],
    ['hang up', Math.round(users * hangUp)],
    ['retry', Math.round(users * retry)],
  ];
  const special = counts.flatMap(([behaviour, count]) => Array.from({ length: count }, () => behaviour));
  return Array.from({ length: users }, (_, index) => special[index] ?? 'plain');
};

const shuffle = <T>(items: T[]): T[] => {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [items[last], items[other]] = [items[other] as T, items[last] as T];
  }
  return items;
};
