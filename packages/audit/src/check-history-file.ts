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
 * Holds a history file against what the database says now of its coupons. Everything in it must be decided by then.
 * @throws StartError where it can't be read, or is no history.
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
