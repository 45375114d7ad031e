import { type Claim, type ClaimJobResult, decodeDecision, isGrant } from '@flashclaim/core';
import { type RedisConnection, readPendingRecord, writePendingRecord } from '@flashclaim/service';

/**
 * Nobody heard a job's answer: the API process that waited for it is gone, or away for a moment. The callers whom it had told
 * `pending` may ask any other for an hour, but the job is kept only until so many more have been. So the refusals among them
 * are noted here, as that process would have done; what was granted stands in the database.
 */
export const noteUnheard = async (
  redis: RedisConnection,
  jobId: string,
  claims: readonly Claim[],
  result: ClaimJobResult,
): Promise<void> => {
  await Promise.all(
    claims.map(async ({ id }, index) => {
      const { decision } = decodeDecision(result, index);
      if (isGrant(decision)) return;
      const record = await readPendingRecord(redis, id);
      if (record?.place.jobId !== jobId || record.place.index !== index) return;
      await writePendingRecord(redis, id, { ...record, decision });
    }),
  );
};
