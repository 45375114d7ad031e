/** What the programs that download print, and what it means. The first that occurs anywhere in the output counts. */
const REASONS: [pattern: RegExp, reason: string][] = [
  [/python3.*ENOENT/, 'python3 is not installed'],
  [/No module named '?pip/, 'python3 has no pip'],
  [
    /ENOTFOUND|EAI_AGAIN|ENETUNREACH|ECONNREFUSED|ETIMEDOUT|NewConnectionError|ConnectTimeoutError|NameResolutionError|ProxyError/,
    'it does not answer',
  ],
];

/** The reason of a failed download in a few words: a known one, else the last line of what was printed. */
export const describeFailure = (printed: string): string =>
  REASONS.find(([pattern]) => pattern.test(printed))?.[1] ??
  printed
    .split('\n')
    .findLast((line) => line.trim() !== '')
    ?.trim() ??
  'no reason was given';
