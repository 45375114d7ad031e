import { type Attempt, REFUSALS } from './attempts.ts';
import type { Evidence } from './evidence.ts';
import type { HistoryRecord, Mark } from './record.ts';
import { earliest } from './sorted-times.ts';
import type { Violation } from './violation.ts';

/** Longest time without a decision after the failed part recovered, by default. */
const RECOVERY_MAX_MS = 10_000;

type Answers = ReadonlyMap<number, readonly (string | undefined)[]>;

const REJECTIONS = [
  [400, ['invalid_request']],
  [401, ['unauthorized']],
  [413, ['payload_too_large']],
  [415, ['unsupported_media_type']],
  [429, ['rate_limited']],
  [503, ['overloaded', 'unavailable']],
] as const;

/** Documented answers to a claim that are not outcomes. */
const CLAIM_ANSWERS: Answers = new Map<number, readonly string[]>([...REJECTIONS, [422, ['idempotency_key_reused']]]);

/** Documented answers to a release or a change of settings that are not 200, 202 or 404. */
const CHANGE_ANSWERS: Answers = new Map<number, readonly string[]>([
  ...REJECTIONS,
  [409, ['claim_pending', 'amount_below_claimed', 'version_conflict']],
]);

/** I7: every request ends in time with a documented answer, and every 202 is resolved. */
export function* checkEnds(evidence: Evidence, answerMaxMs: number | undefined): Generator<Violation> {
  const { attempts, claims, statuses, reads, creates, releases, changes, lists, existing } = evidence;
  const calls = [...claims, ...statuses, ...reads, ...creates, ...releases, ...changes, ...lists];
  for (const call of calls) {
    const { invokedAt, answeredAt } = call;
    if (answeredAt === undefined) yield violation('a request never ended', call);
    else if (answerMaxMs !== undefined && answeredAt - invokedAt > answerMaxMs)
      yield violation(`an answer took ${Math.round(answeredAt - invokedAt)} ms; at most ${answerMaxMs} expected`, call);
  }
  for (const { call, known, claimId } of attempts) {
    if (call.status === 202 && known === 'unknown' && !existing.has(claimId ?? ''))
      yield violation(`the claim ${claimId} was answered as pending and never resolved`, call);
    if (call.status !== undefined && !(call.status < 500 && REFUSALS.has(call.code)) && !isIn(CLAIM_ANSWERS, call))
      yield undocumented(call);
  }
  for (const call of [...releases, ...changes])
    if (call.status !== undefined && call.status !== 404 && !isIn(CHANGE_ANSWERS, call)) yield undocumented(call);
}

type Answered = Exclude<HistoryRecord, Mark>;

const isIn = (answers: Answers, { status = 0, code }: Answered): boolean =>
  status === 200 || status === 202 || (answers.get(status)?.includes(code) ?? false);

const undocumented = (call: Answered): Violation =>
  violation(`the answer ${call.status} ${call.code ?? ''} is not documented`, call);

const violation = (found: string, request: HistoryRecord): Violation => ({
  invariant: 'I7',
  found,
  requests: [request],
});

/**
 * I9: after the failed part recovered, claims are decided within ten seconds, and no later gap is longer until the next
 * fault. The marks of the history say when. Time without a waiting claim does not count.
 */
export function* checkRecovery({ attempts, marks }: Evidence, recoveryMaxMs = RECOVERY_MAX_MS): Generator<Violation> {
  const end = attempts.reduce((last, { call }) => Math.max(last, call.answeredAt ?? call.invokedAt), 0);
  const decided = attempts
    .filter(({ known, call }) => (known === 'claimed' || known === 'refused') && call.status !== 202)
    .map(({ decidedAt }) => decidedAt)
    .sort((a, b) => a - b);
  for (const { mark, until } of faultFreePhases(marks, end)) {
    let from = mark.invokedAt;
    for (const at of [...decided.filter((at) => at > from && at < until), until]) {
      if (at - from > recoveryMaxMs) yield* checkGap({ mark, attempts, from, to: at, recoveryMaxMs });
      from = at;
    }
  }
}

/** The phases without a fault: from the mark that the last part recovered to the next mark or the end. */
const faultFreePhases = (marks: readonly Mark[], end: number): { mark: Mark; until: number }[] => {
  const sorted = marks.toSorted((a, b) => a.invokedAt - b.invokedAt);
  const broken = new Set<string>();
  return sorted.flatMap((mark, index) => {
    if (mark.op === 'broken') broken.add(mark.what);
    else broken.delete(mark.what);
    return broken.size === 0 ? [{ mark, until: sorted[index + 1]?.invokedAt ?? end }] : [];
  });
};

interface Gap {
  mark: Mark;
  attempts: readonly Attempt[];
  from: number;
  to: number;
  recoveryMaxMs: number;
}

function* checkGap({ mark, attempts, from, to, recoveryMaxMs }: Gap): Generator<Violation> {
  const waiting = attempts.filter(
    ({ call }) => call.invokedAt < to && (call.answeredAt ?? Number.POSITIVE_INFINITY) > from,
  );
  const gapMs = to - Math.max(from, earliest(waiting.map(({ call }) => call.invokedAt)));
  if (gapMs > recoveryMaxMs)
    yield {
      invariant: 'I9',
      found: `after ${mark.what} recovered, nothing was decided for ${Math.round(gapMs)} ms; at most ${recoveryMaxMs} expected`,
      requests: [mark, ...waiting.map(({ call }) => call)],
    };
}
