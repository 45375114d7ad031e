/** How long the system took to get over a fault: from its end to the first claim that was decided after it. */
export interface Recovery {
  what: string;
  ms: number;
}

/** Digits differ from run to run, as in "worker killed 12 ms after an answer": those are one fault. */
const kindOf = (what: string): string => what.replace(/ \d+ ms after an answer/, ' at a random moment');

export const inSeconds = (ms: number): string => (ms / 1_000).toFixed(2);

/** A Markdown table: how often each fault was, and the median and the longest recovery. */
export const recoveryTable = (recoveries: readonly Recovery[]): string => {
  const rows = [...Map.groupBy(recoveries, ({ what }) => kindOf(what))].map(([what, all]) => {
    const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] as number;
    return `| ${what} | ${sorted.length} | ${inSeconds(median)} | ${inSeconds(sorted.at(-1) as number)} |`;
  });
  return ['| fault | times | median s | longest s |', '| --- | --- | --- | --- |', ...rows].join('\n');
};
