import type { ServerResponse } from 'node:http';
import { addAbortSignal, finished, Readable } from 'node:stream';
import type { ListedStatus } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import { endWhenStalled } from '../../http/end-when-stalled.ts';
import { ProblemError } from '../../http/problem.ts';
import type { StoreWatch } from '../../stores/store-watch.ts';
import { EXPORT_RANGE, exportClaims, type ReadRange } from './export-claims.ts';
import type { ExportFormat } from './export-formats.ts';
import { readClaims } from './read-claims.ts';

/** Exports of a process at once: each keeps a range of claims in memory. */
const EXPORTS_MAX = 2;

/** How long the caller of an export may take no byte. */
const STALL_MS = 60_000;

export interface ExportsOptions {
  mongo: Mongo;
  mongoWatch: Pick<StoreWatch, 'answer'>;
  /** Ends all exports, so that a stopping process does not wait for them. */
  stopSignal: AbortSignal;
  stallMs?: number;
}

export interface Export {
  couponId: ObjectId;
  status: ListedStatus | undefined;
  format: ExportFormat;
}

/** The exports of this process that are in progress. */
export class Exports {
  readonly #options: ExportsOptions;
  #count = 0;

  constructor(options: ExportsOptions) {
    this.#options = options;
  }

  /**
   * Starts an export. The caller sends its text by this response; the text is read as fast as it is sent.
   * @throws ProblemError `overloaded` where too many are in progress.
   */
  start(response: ServerResponse, { couponId, status, format }: Export): Readable {
    if (this.#count === EXPORTS_MAX)
      throw new ProblemError('overloaded', `This process runs ${EXPORTS_MAX} exports. Try again when one has ended.`);
    this.#count++;
    finished(response, () => {
      this.#count--;
    });
    const { mongo, mongoWatch, stopSignal, stallMs = STALL_MS } = this.#options;
    endWhenStalled(response, stallMs);
    const read: ReadRange = (after, convert) =>
      mongoWatch.answer(() => readClaims(mongo, { couponId, after, limit: EXPORT_RANGE, status }, convert));
    return addAbortSignal(stopSignal, Readable.from(exportClaims(read, format)));
  }
}
