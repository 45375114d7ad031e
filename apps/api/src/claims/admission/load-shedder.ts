import type { Socket } from 'node:net';
import {
  type Problem,
  RETRY_AFTER_CROWD_MAX_SECONDS,
  RETRY_AFTER_MAX_SECONDS,
  SHED_REJECTIONS_MAX,
} from '@flashclaim/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setRetryAfter, toProblem } from '../../http/problem.ts';
import { channels } from '../channels.ts';
import type { AdmissionControl, Rejection } from './admission-control.ts';

/** How often paused connections are resumed. */
const SHED_TICK_MS = 250;

const TICKS_PER_SECOND = 1_000 / SHED_TICK_MS;

/** Paused connections that may come back in a second: as many as this process can reject easily. */
const BACK_PER_SECOND = SHED_REJECTIONS_MAX * TICKS_PER_SECOND;

/**
 * Rejects claims before their body is read, and keeps callers who retry at once from taking all the time of this process.
 *
 * Every rejected caller is answered at once. Where many are rejected in a tick, their connections are paused for the seconds
 * of their `Retry-After`. Thousands of callers who ignore that header would otherwise fill the event loop, and answers from
 * Redis would wait behind them. `Retry-After` grows with the number of paused connections: a rejection costs half a claim.
 */
export class LoadShedder {
  readonly #admission: AdmissionControl;
  readonly #timer: NodeJS.Timeout;
  /** Paused connections, by the tick that resumes them: a ring. */
  readonly #paused: Socket[][] = Array.from({ length: RETRY_AFTER_CROWD_MAX_SECONDS * TICKS_PER_SECOND + 1 }, () => []);
  #pausedCount = 0;
  #tick = 0;
  #rejections = 0;

  constructor(admission: AdmissionControl) {
    this.#admission = admission;
    this.#timer = setInterval(() => this.#resume(), SHED_TICK_MS);
  }

  /** The `onRequest` hook of claim requests. */
  readonly onRequest = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { rejection } = this.#admission;
    if (rejection) reply.send(this.reject(request, reply, rejection));
    else done();
  };

  /** Prepares the reply to a rejected request, and returns its body. */
  reject(request: FastifyRequest, reply: FastifyReply, { code, detail }: Rejection): Problem {
    const problem = toProblem(reply, code, detail);
    channels.reject.publish(code);
    if (++this.#rejections > SHED_REJECTIONS_MAX) this.#pause(request, setRetryAfter(reply, this.#spreadSeconds));
    return problem;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.#paused.flat()) socket.resume();
  }

  get #spreadSeconds(): number {
    const needed = Math.ceil(this.#pausedCount / BACK_PER_SECOND);
    return Math.min(Math.max(needed, RETRY_AFTER_MAX_SECONDS), RETRY_AFTER_CROWD_MAX_SECONDS);
  }

  #pause({ raw }: FastifyRequest, seconds: number): void {
    // Not before the whole request has arrived: its end makes Node resume the socket.
    raw.once('close', () => {
      raw.socket.pause();
      this.#pausedCount++;
      this.#paused[(this.#tick + seconds * TICKS_PER_SECOND) % this.#paused.length]?.push(raw.socket);
    });
  }

  #resume(): void {
    this.#rejections = 0;
    this.#tick = (this.#tick + 1) % this.#paused.length;
    const sockets = this.#paused[this.#tick] as Socket[];
    this.#paused[this.#tick] = [];
    this.#pausedCount -= sockets.length;
    for (const socket of sockets) socket.resume();
  }
}
