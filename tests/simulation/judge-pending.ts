import type { ClaimCall, HistoryRecord, StatusCall, Violation } from '@flashclaim/audit';
import type { ApiProcess } from './model-api.ts';

/**
 * What Redis forgot, and what got lost on the way to it, is noted again within this time once nothing breaks any more: a
 * second of silence until a job is looked at, at most another until the next look, and some messages.
 */
const NOTED_AGAIN_MS = 3_000;

/** A note has arrived by then, where nothing holds it up. */
const NOTED_MS = 50;

export interface PendingFacts {
  history: readonly HistoryRecord[];
  /** The ids of the claims that could not be noted as pending: their callers were told 503, and to ask for them. */
  unknown: ReadonlyMap<ClaimCall, string>;
  /** Every process that there ever was. */
  apis: readonly ApiProcess[];
  /** When Redis forgot anything, or messages to it may have been lost or late, for the last time up to a moment. */
  disturbedBefore: (atMs: number) => number;
}

/**
 * Who was told `pending`, or 503 because that could not be noted, is told what becomes of it, by every process: the claim is
 * known while it is undecided, and so is its outcome. That Redis forgot it excuses nobody for long, where the process lives
 * that told it.
 * Judged only where one request alone has the claim id: those who share one share its note, too.
 */
export function* judgePending(facts: PendingFacts): Generator<Violation> {
  const claims = facts.history.filter((record) => record.op === 'claim');
  const statuses = Map.groupBy(
    facts.history.filter((record) => record.op === 'status'),
    ({ claimId }) => claimId,
  );
  const callsOfKey = Map.groupBy(claims, ({ key }) => key);
  for (const call of claims) {
    const claimId = call.status === 202 ? call.claimId : facts.unknown.get(call);
    if (claimId === undefined || (call.key !== undefined && callsOfKey.get(call.key)?.length !== 1)) continue;
    for (const status of statuses.get(claimId) ?? []) {
      const found = whyWrong(facts, claimId, status);
      if (found) yield { invariant: 'I7', found, requests: [call, status] };
    }
  }
}

const whyWrong = (facts: PendingFacts, claimId: string, status: StatusCall): string | undefined => {
  const isUnknown = status.status === 404;
  if (!isUnknown && status.code !== 'unavailable') return undefined;
  const api = facts.apis.find(({ pending }) => pending.get(claimId)?.toldAtMs !== undefined);
  const pending = api?.pending.get(claimId);
  if (!api || !pending) return undefined;
  const { toldAtMs = Number.POSITIVE_INFINITY, settledAtMs = Number.POSITIVE_INFINITY, decided } = pending;
  const askedAtMs = status.invokedAt;
  const disturbedAtMs = facts.disturbedBefore(status.answeredAt as number);

  const notedBy = settledAtMs + NOTED_MS;
  if (decided && settledAtMs > Math.max(toldAtMs, disturbedAtMs) && api.diedAtMs > notedBy && askedAtMs > notedBy)
    return `the claim ${claimId} was decided, and then told to be ${status.code ?? 'unknown'}; its outcome expected`;

  const notedAgainBy = Math.max(toldAtMs, disturbedAtMs + NOTED_AGAIN_MS);
  if (isUnknown && askedAtMs > notedAgainBy && api.diedAtMs > notedAgainBy && settledAtMs > notedAgainBy)
    return `the claim ${claimId} was told to be pending, and then to be unknown; pending or its outcome expected`;
  return undefined;
};
