/** What the API and the worker of the `literal` candidate agree on. */
export const LITERAL_QUEUE = 'claims';

export interface LiteralJob {
  userId: string;
  couponName: string;
}

export type LiteralResult = { claimId: string; at: string } | { refused: string };

/** BullMQ makes its own connections from these; it wants no limit of retries. */
export const redisOptions = (url: string) => ({ url, maxRetriesPerRequest: null });
