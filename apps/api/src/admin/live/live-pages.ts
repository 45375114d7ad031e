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
  /** Has missed a frame, or had none yet: its next one tells all. */
  behind: boolean;
  /** Since when it has read too little, in ms of this process's own clock. */
  stalledSince: number | undefined;
}

/** A frame as server-sent events have it. */
const write = ({ response }: Page, data: string): void => void response.write(`data: ${data}\n\n`);

/**
 * The live pages that are open at this process. Each frame is written once as text, however many pages get it. A page that
 * reads slowly is not waited for, and nothing is kept for it: it misses frames.
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

  /** Takes a response whose head is still to be written. */
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

  /** @param whole tells all; called at most once, and only where somebody needs it. */
  tell(news: string, whole: () => string): void {
    let all: string | undefined;
    for (const page of this.#pages) {
      if (isStalled(page)) continue;
      if (page.behind) all ??= whole();
      write(page, page.behind ? (all as string) : news);
      page.behind = false;
    }
  }

  /** Ends every stream: a stopping process waits for none, nor for who does not read what is left. */
  close(): void {
    const all = [...this.#pages];
    for (const { response } of all) response.end();
    setTimeout(() => {
      for (const { response } of all) response.destroy();
    }, LIVE_PAGE_END_MAX_MS).unref();
  }
}

/** Whether a page has to read first what was sent to it. One that reads nothing for long is gone, and does not say so. */
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
