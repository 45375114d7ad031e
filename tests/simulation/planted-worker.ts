import type { ClaimJobResult, Job } from '@flashclaim/core';
import type { CommitGroup } from '@flashclaim/worker';
import type { ModelStore } from './model-store.ts';
import type { World } from './world.ts';

/** The results of jobs that a planted bug answers without deciding them; undefined where it does not. */
export const plantedCommit = (
  { plants }: World,
  store: ModelStore,
  jobs: readonly Job[],
): Promise<Map<string, ClaimJobResult>> | undefined => {
  if (!plants.has("key answered by another request's record")) return undefined;
  const [{ id, claims }] = jobs as [Job];
  const [claim] = claims;
  if (jobs.length > 1 || claims.length > 1 || claim?.requestId === undefined) return undefined;
  const [record] = store.find('job_records', { first_claim: claim.id }, store.replication.committed);
  const result = record?.['result'] as ClaimJobResult | undefined;
  return result && Promise.resolve(new Map([[id, result]]));
};

/** Changes the group of a worker. */
export const plantedGroup = ({ plants }: World, group: CommitGroup): void => {
  if (!plants.has('group drops the twin of a recorded job')) return;
  const inGroup = new Set<string>();
  const { add } = group;
  group.add = (job) => {
    if (inGroup.has(job.id)) return new Promise(() => {});
    inGroup.add(job.id);
    return add.call(group, job).finally(() => inGroup.delete(job.id));
  };
};
