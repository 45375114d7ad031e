import { access } from 'node:fs/promises';
import { StartError } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';
import { type CheckOptions, checkHistory } from './history/check-history.ts';
import { readHistory } from './history/read-history.ts';
import type { HistoryRecord } from './history/record.ts';
import { readState } from './history/state.ts';
import type { Violation } from './history/violation.ts';

export interface CheckedHistory {
  records: number;
  coupons: number;
  violations: Violation[];
}

/**
 * Compares a history file with the current state of its coupons in the database. Every claim in it must be decided.
 * @throws StartError if the file can't be read, or is not a history.
 */
export const checkHistoryFile = async (mongo: Mongo, file: string, options?: CheckOptions): Promise<CheckedHistory> => {
  await access(file).catch((error: Error) => {
    throw new StartError(`${file} can't be read: ${error.message}.`);
  });
  const history: HistoryRecord[] = [];
  for await (const record of readHistory(file)) history.push(record);
  const names = new Set(history.flatMap((record) => ('coupon' in record ? (record.coupon ?? []) : [])));
  const state = await readState(mongo, names);
  return { records: history.length, coupons: names.size, violations: checkHistory(history, state, options) };
};
