import type { ClaimJobResult, Job } from '@flashclaim/core';
import type { CommitGroup } from '@flashclaim/worker';
import type { ModelStore } from './model-store.ts';
import type { World } from './world.ts';

/** The results of jobs that a mutation answers without a decision; undefined without that mutation. */
export const mutatedCommit = (
  { mutations }: World,
  store: ModelStore,
  jobs: readonly Job[],
): Promise<Map<string, ClaimJobResult>> | undefined => {
  if (!mutations.has("key answered by another request's record")) return undefined;
  const [{ id, claims }] = jobs as [Job];
  const [claim] = claims;
  if (jobs.length > 1 || claims.length > 1 || claim?.requestId === undefined) return undefined;
  const [record] = store.find('job_records', { first_claim: claim.id }, store.replication.committed);
  const result = record?.['result'] as ClaimJobResult | undefined;
  return result && Promise.resolve(new Map([[id, result]]));
};

/** Changes the commit group of a worker, if its mutation is on. */
export const mutatedGroup = ({ mutations }: World, group: CommitGroup): void => {
  if (!mutations.has('group drops the duplicate of a recorded job')) return;
  const inGroup = new Set<string>();
  const { add } = group;
  group.add = (job) => {
    if (inGroup.has(job.id)) return new Promise(() => {});
    inGroup.add(job.id);
    return add.call(group, job).finally(() => inGroup.delete(job.id));
  };
};
