/** Shared by the API and the worker of the `literal` candidate. */
export const LITERAL_QUEUE = 'claims';

export interface LiteralJob {
  userId: string;
  couponName: string;
}

export type LiteralResult = { claimId: string; at: string } | { refused: string };

/** Options for BullMQ's connections; BullMQ requires unlimited retries. */
export const redisOptions = (url: string) => ({ url, maxRetriesPerRequest: null });
