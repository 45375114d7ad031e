import type { Socket } from 'node:net';
import {
  DOOR_REFUSALS_MAX,
  DOOR_TICK_MS,
  type Problem,
  RETRY_AFTER_CROWD_MAX_SECONDS,
  RETRY_AFTER_MAX_SECONDS,
} from '@flashclaim/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { setRetryAfter, toProblem } from '../problem.ts';
import type { Intake, Refusal } from './intake.ts';

const TICKS_PER_SECOND = 1_000 / DOOR_TICK_MS;

/** Of those who are held, so many may come back in a second: as many as are turned away at ease. */
const BACK_PER_SECOND = DOOR_REFUSALS_MAX * TICKS_PER_SECOND;

/**
 * Turns claims away before their body is read, and keeps those who come back at once from taking all our time.
 *
 * Everybody is answered as soon as their request is read. But where many are turned away at a time, their connections are
 * read again only after the seconds of the Retry-After that they were told. Thousands of callers who ignore it would
 * otherwise be all that this process hears: what it has to hear from Redis waits in the same queue. The more are held, the
 * longer is the time over which they come back: turning somebody away costs as much as half a claim.
 */
export class Door {
  readonly #intake: Intake;
  readonly #timer: NodeJS.Timeout;
  /** Connections that are not read for now, by the tick in which they are again: a ring. */
  readonly #held: Socket[][] = Array.from({ length: RETRY_AFTER_CROWD_MAX_SECONDS * TICKS_PER_SECOND + 1 }, () => []);
  #heldCount = 0;
  #tick = 0;
  #refusals = 0;

  constructor(intake: Intake) {
    this.#intake = intake;
    this.#timer = setInterval(() => this.#readAgain(), DOOR_TICK_MS);
  }

  /** The hook for requests that bring a claim. */
  readonly enter = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { refusal } = this.#intake;
    if (refusal) reply.send(this.refuse(request, reply, refusal));
    else done();
  };

  /** Prepares the answer to who is turned away, and returns its body. */
  refuse(request: FastifyRequest, reply: FastifyReply, { code, detail }: Refusal): Problem {
    const problem = toProblem(reply, code, detail);
    if (++this.#refusals > DOOR_REFUSALS_MAX) this.#hold(request, setRetryAfter(reply, this.#spreadSeconds));
    return problem;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of this.#held.flat()) socket.resume();
  }

  get #spreadSeconds(): number {
    const needed = Math.ceil(this.#heldCount / BACK_PER_SECOND);
    return Math.min(Math.max(needed, RETRY_AFTER_MAX_SECONDS), RETRY_AFTER_CROWD_MAX_SECONDS);
  }

  #hold({ raw }: FastifyRequest, seconds: number): void {
    // Not before the whole request is here: its end makes Node read on.
    raw.once('close', () => {
      raw.socket.pause();
      this.#heldCount++;
      this.#held[(this.#tick + seconds * TICKS_PER_SECOND) % this.#held.length]?.push(raw.socket);
    });
  }

  #readAgain(): void {
    this.#refusals = 0;
    this.#tick = (this.#tick + 1) % this.#held.length;
    const sockets = this.#held[this.#tick] as Socket[];
    this.#held[this.#tick] = [];
    this.#heldCount -= sockets.length;
    for (const socket of sockets) socket.resume();
  }
}
