import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

/** The environment variable with the path of the file that shifts the wall clock of a process. */
export const CLOCK_FILE = 'FLASHCLAIM_TEST_CLOCK';

/** How often a process reads that file. */
export const READ_EVERY_MS = 10;

/** The wall clock of one process. Pass its `env` to `addApi` or `addWorker`. */
export class ProcessClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flashclaim-clock-'));
  readonly #file = join(this.#folder, 'offset');

  /** @param offsetMs offset at the start of the process; negative if it is behind. */
  constructor(offsetMs: number) {
    this.#write(offsetMs);
  }

  get env(): NodeJS.ProcessEnv {
    return { [CLOCK_FILE]: this.#file };
  }

  /** Sets the clock of the running process to another offset. Resolves once it has stepped. */
  async stepTo(offsetMs: number): Promise<void> {
    this.#write(offsetMs);
    const applied = () => readFile(`${this.#file}.applied`, 'utf8').catch(() => '');
    await until(async () => (await applied()) === String(offsetMs));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** Writes by a rename: the file may be read at any moment. */
  #write(offsetMs: number): void {
    writeFileSync(`${this.#file}.new`, String(offsetMs));
    renameSync(`${this.#file}.new`, this.#file);
  }
}
