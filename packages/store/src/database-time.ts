import { type ClientSession, type Db, type Document, Timestamp } from 'mongodb';

/**
 * Database time is MongoDB's cluster time in seconds: the `operationTime` of a reply. It never goes back, also after an
 * election, and it is not earlier than the clock of the primary at its last write. So if a document is missing because MongoDB
 * deleted it after its time, the same reply contains a later time than that.
 */
const toSecondsOfTime = (time: unknown): number => {
  if (!(time instanceof Timestamp)) throw new Error('MongoDB sent no operationTime: it is not a replica set');
  return time.getHighBits() >>> 0;
};

/** Database time of the session's last reply, in seconds. */
export const databaseTimeOf = (session: ClientSession): number => toSecondsOfTime(session.operationTime);

/** Estimates database time between two replies. It uses the monotonic clock, so the date of this machine does not matter. */
export class DatabaseClock {
  #seconds = 0;
  #atMs = performance.now();

  /** Pings the database, and sets the clock by its reply. */
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
