import { bare } from '../candidates/bare.ts';
import type { Candidate } from '../candidates/candidate.ts';
import { flashclaim } from '../candidates/flashclaim.ts';
import { literal } from '../candidates/literal.ts';
import { seckill } from '../candidates/seckill.ts';
import { runClaims } from './claim-run.ts';
import { type Bench, type BenchLoad, type Contestant, contestantOf } from './load.ts';

const CANDIDATES: readonly Candidate[] = [bare, literal, seckill, flashclaim];

export interface Comparison {
  name: string;
  title: string;
  connections: number;
  coupons?: number;
  soldOut?: boolean;
  /** Another contestant. */
  also?: (bench: Bench) => Promise<Contestant>;
}

/** The same claims for every candidate. */
export const compareCandidates = ({ name, title, also, ...load }: Comparison): BenchLoad => ({
  name,
  title,
  prepare: async (bench) => [
    ...(also ? [await also(bench)] : []),
    ...(await Promise.all(CANDIDATES.map((candidate) => enter(bench, candidate, load)))),
  ],
});

const enter = async (
  bench: Bench,
  candidate: Candidate,
  { connections, coupons = 1, soldOut = false }: Omit<Comparison, 'name' | 'title' | 'also'>,
): Promise<Contestant> => {
  const { stack, client, settings, onDone } = bench;
  const running = await candidate.start({ stack, settings: candidate === flashclaim ? settings : {} });
  onDone(() => running.stop());
  const expect = candidate === bare ? 'constant' : soldOut ? 'sold-out' : 'claimed';
  return contestantOf(candidate.name, bench, (id, seconds) =>
    runClaims(id, { client, running, connections, coupons, expect, seconds }),
  );
};
