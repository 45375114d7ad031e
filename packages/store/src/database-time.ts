import { type ClientSession, type Db, type Document, Timestamp } from 'mongodb';

/**
 * Database time is MongoDB's cluster time in seconds: the `operationTime` of a reply. It never runs backwards, also after an
 * election, and it is no earlier than the clock of the primary at its last write. So a reader who no longer sees a document,
 * because MongoDB deleted it by age, is also told a later time than the document's.
 */
const toSecondsOfTime = (time: unknown): number => {
  if (!(time instanceof Timestamp)) throw new Error('MongoDB sent no operationTime: it is no replica set');
  return time.getHighBits() >>> 0;
};

/** Database time as the session's last reply told it, in seconds. */
export const databaseTimeOf = (session: ClientSession): number => toSecondsOfTime(session.operationTime);

/** Knows the database time between two replies: by the monotonic clock, so an error of this machine's date does not matter. */
export class DatabaseClock {
  #seconds = 0;
  #atMs = performance.now();

  /** Asks the database: resolves once the clock is set. A small command, which also tells whether the database answers. */
  async ask(db: Pick<Db, 'command'>): Promise<void> {
    const reply: Document = await db.command({ ping: 1 });
    this.#seconds = toSecondsOfTime(reply['operationTime']);
    this.#atMs = performance.now();
  }

  /** Database time in whole seconds. */
  get now(): number {
    return this.#seconds + Math.floor((performance.now() - this.#atMs) / 1_000);
  }
}
