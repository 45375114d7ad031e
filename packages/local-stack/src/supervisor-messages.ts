/** A command from the parent to the supervisor of a child. */
export type Command =
  | { do: 'start'; command: string; args: string[]; folder?: string; port?: number }
  /** SIGTERM, and SIGKILL after `graceMs`. */
  | { do: 'stop'; graceMs: number };

/** A report from the supervisor to the parent. Each of the last three kinds is the last one. */
export type Report =
  | { is: 'started'; pid: number }
  | { is: 'exited'; code: number | null; signal: NodeJS.Signals | null }
  /** Another process uses the folder. */
  | { is: 'refused'; owner: number }
  | { is: 'failed'; message: string };
