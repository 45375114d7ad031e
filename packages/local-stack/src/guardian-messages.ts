/** What a parent tells the guardian of a child. */
export type Order =
  | { do: 'start'; command: string; args: string[]; folder?: string; port?: number }
  /** SIGTERM, and after so long SIGKILL. */
  | { do: 'stop'; graceMs: number };

/** What the guardian tells the parent. The last three are the end of it. */
export type Report =
  | { is: 'started'; pid: number }
  | { is: 'exited'; code: number | null; signal: NodeJS.Signals | null }
  /** Another process uses the folder. */
  | { is: 'refused'; owner: number }
  | { is: 'failed'; message: string };
