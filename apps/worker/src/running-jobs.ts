/** The jobs that this process runs now. BullMQ tells of their ends too, but not of a job that lost its lock meanwhile. */
export class RunningJobs {
  /** When each began, the oldest first. */
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

  /** For how long the oldest of them has been running; 0 where there is none. */
  get longestMs(): number {
    const [oldest] = this.#begun.values();
    return oldest === undefined ? 0 : performance.now() - oldest;
  }
}
