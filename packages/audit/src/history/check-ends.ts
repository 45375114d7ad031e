import { type Attempt, type Evidence, earliest, REFUSALS } from './evidence.ts';
import type { ClaimCall, HistoryRecord, Mark } from './record.ts';
import type { Violation } from './violation.ts';

/** Longest time without a decision after the failed part recovered. */
const RECOVERY_MAX_MS = 10_000;

/** Documented answers to a claim that are not outcomes. */
const ANSWERS: ReadonlyMap<number, readonly (string | undefined)[]> = new Map([
  [400, ['invalid_request']],
  [413, ['payload_too_large']],
  [415, ['unsupported_media_type']],
  [422, ['idempotency_key_reused']],
  [429, ['rate_limited']],
  [503, ['overloaded', 'unavailable']],
]);

/** I7: every request ends in time with a documented answer, and every 202 is resolved. */
export function* checkEnds(evidence: Evidence, answerMaxMs: number | undefined): Generator<Violation> {
  const { attempts, claims, statuses, reads, creates, existing } = evidence;
  const calls = [...claims, ...statuses, ...reads, ...creates];
  for (const call of calls) {
    const { invokedAt, answeredAt } = call;
    if (answeredAt === undefined) yield violation('a request never ended', call);
    else if (answerMaxMs !== undefined && answeredAt - invokedAt > answerMaxMs)
      yield violation(`an answer took ${Math.round(answeredAt - invokedAt)} ms; at most ${answerMaxMs} expected`, call);
  }
  for (const { call, known, claimId } of attempts) {
    if (call.status === 202 && known === 'unknown' && !existing.has(claimId ?? ''))
      yield violation(`the claim ${claimId} was answered as pending and never resolved`, call);
    if (call.status !== undefined && !isKnown(call))
      yield violation(`the answer ${call.status} ${call.code ?? ''} is not documented`, call);
  }
}

const violation = (found: string, request: HistoryRecord): Violation => ({
  invariant: 'I7',
  found,
  requests: [request],
});

const isKnown = ({ status = 0, code }: ClaimCall): boolean =>
  status === 200 ||
  status === 202 ||
  (status < 500 && REFUSALS.has(code)) ||
  (ANSWERS.get(status)?.includes(code) ?? false);

/**
 * I9: after the failed part recovered, claims are decided within ten seconds, and no later gap is longer until the next
 * fault. The marks of the history say when. Time without a waiting claim does not count.
 */
export function* checkRecovery({ attempts, marks }: Evidence): Generator<Violation> {
  const end = attempts.reduce((last, { call }) => Math.max(last, call.answeredAt ?? call.invokedAt), 0);
  const decided = attempts
    .filter(({ known, call }) => (known === 'claimed' || known === 'refused') && call.status !== 202)
    .map(({ decidedAt }) => decidedAt)
    .sort((a, b) => a - b);
  for (const { mark, until } of faultFreePhases(marks, end)) {
    let from = mark.invokedAt;
    for (const at of [...decided.filter((at) => at > from && at < until), until]) {
      if (at - from > RECOVERY_MAX_MS) yield* checkGap({ mark, attempts, from, to: at });
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
}

function* checkGap({ mark, attempts, from, to }: Gap): Generator<Violation> {
  const waiting = attempts.filter(
    ({ call }) => call.invokedAt < to && (call.answeredAt ?? Number.POSITIVE_INFINITY) > from,
  );
  const gapMs = to - Math.max(from, earliest(waiting.map(({ call }) => call.invokedAt)));
  if (gapMs > RECOVERY_MAX_MS)
    yield {
      invariant: 'I9',
      found: `after ${mark.what} recovered, nothing was decided for ${Math.round(gapMs)} ms; at most ${RECOVERY_MAX_MS} expected`,
      requests: [mark, ...waiting.map(({ call }) => call)],
    };
}
