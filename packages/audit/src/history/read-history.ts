import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { StartError } from '@flashclaim/runtime';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { type HistoryRecord, HistoryRecordSchema } from './record.ts';

const historyRecord = TypeCompiler.Compile(HistoryRecordSchema);

/**
 * Reads the records of a history file: one JSON text for each line.
 * @throws StartError naming the first line that is not a record.
 */
export async function* readHistory(file: string): AsyncGenerator<HistoryRecord> {
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (text === '') continue;
    const record = parse(text);
    if (!historyRecord.Check(record)) throw new StartError(`${file}: line ${line} is not a record of a history.`);
    yield record;
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
