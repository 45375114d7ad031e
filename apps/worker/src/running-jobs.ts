/** The jobs that run in this process. BullMQ's events do not report the end of a job that lost its lock. */
export class RunningJobs {
  /** When each job began, the oldest first. */
  readonly #begun = new Map<symbol, number>();

  async run<T>(job: () => Promise<T>): Promise<T> {
    const run = Symbol('run');
    this.#begun.set(run, performance.now());
    try {
      return await job();
    } finally {
      this.#begun.delete(run);
    }
  }

  get count(): number {
    return this.#begun.size;
  }

  /** How long the oldest job has been running; 0 where there is none. */
  get longestMs(): number {
    const [oldest] = this.#begun.values();
    return oldest === undefined ? 0 : performance.now() - oldest;
  }
}
