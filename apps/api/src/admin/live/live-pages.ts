import type { ServerResponse } from 'node:http';
import { LIVE_PAGE_BUFFER_MAX_BYTES, LIVE_PAGES_MAX } from '@flashclaim/core';

/** How long a live page may read nothing before its connection is closed. */
const LIVE_PAGE_STALLED_MAX_MS = 30_000;

/** On shutdown: how long a live page has to read the rest. */
const LIVE_PAGE_END_MAX_MS = 500;

/** When a live page reconnects. */
const LIVE_RETRY_MS = 1_000;

interface Page {
  response: ServerResponse;
  /** Has missed a frame, or got none yet: its next frame contains everything. */
  behind: boolean;
  /** Since when it has read too slowly, in ms of the monotonic clock. */
  stalledSince: number | undefined;
}

/** Writes a frame as a server-sent event. */
const write = ({ response }: Page, data: string): void => void response.write(`data: ${data}\n\n`);

/**
 * The open live pages of this process. Each frame is serialised once for all pages. No page waits for a slow one: a page that
 * reads slowly misses frames, and nothing is buffered for it.
 */
export class LivePages {
  readonly #pages = new Set<Page>();
  readonly #onFirst: () => void;
  readonly #onLast: () => void;

  constructor({ onFirst, onLast }: { onFirst: () => void; onLast: () => void }) {
    this.#onFirst = onFirst;
    this.#onLast = onLast;
  }

  get count(): number {
    return this.#pages.size;
  }

  get isFull(): boolean {
    return this.#pages.size >= LIVE_PAGES_MAX;
  }

  /** Opens a page on a response whose head is not written yet. */
  open(response: ServerResponse, headers: Record<string, string>): void {
    const page: Page = { response, behind: true, stalledSince: undefined };
    response.writeHead(200, headers);
    response.write(`retry: ${LIVE_RETRY_MS}\n\n`);
    response.on('error', () => {});
    response.once('close', () => {
      if (this.#pages.delete(page) && this.#pages.size === 0) this.#onLast();
    });
    this.#pages.add(page);
    if (this.#pages.size === 1) this.#onFirst();
  }

  /**
   * Sends a frame to every page.
   * @param whole the frame with everything, for pages that missed one. Called at most once, and only where one did.
   */
  send(update: string, whole: () => string): void {
    let all: string | undefined;
    for (const page of this.#pages) {
      if (isStalled(page)) continue;
      if (page.behind) all ??= whole();
      write(page, page.behind ? (all as string) : update);
      page.behind = false;
    }
  }

  /** Ends every stream. A page that does not read the rest in time is disconnected. */
  close(): void {
    const all = [...this.#pages];
    for (const { response } of all) response.end();
    setTimeout(() => {
      for (const { response } of all) response.destroy();
    }, LIVE_PAGE_END_MAX_MS).unref();
  }
}

/** Whether a page must first read what was sent to it. Disconnects a page that has read nothing for long. */
const isStalled = (page: Page): boolean => {
  if (page.response.writableLength <= LIVE_PAGE_BUFFER_MAX_BYTES) {
    page.stalledSince = undefined;
    return false;
  }
  page.behind = true;
  page.stalledSince ??= performance.now();
  if (performance.now() - page.stalledSince > LIVE_PAGE_STALLED_MAX_MS) page.response.destroy();
  return true;
};
