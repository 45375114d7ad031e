/** The recovery time of a fault: from its end to the first decided claim. */
export interface Recovery {
  what: string;
  ms: number;
}

/** Merges faults that differ only in a random time, such as "worker killed 12 ms after an answer". */
const kindOf = (what: string): string => what.replace(/ \d+ ms after an answer/, ' at a random moment');

export const inSeconds = (ms: number): string => (ms / 1_000).toFixed(2);

/** A Markdown table: the count of each fault, and its median and longest recovery. */
export const recoveryTable = (recoveries: readonly Recovery[]): string => {
  const rows = [...Map.groupBy(recoveries, ({ what }) => kindOf(what))].map(([what, all]) => {
    const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] as number;
    return `| ${what} | ${sorted.length} | ${inSeconds(median)} | ${inSeconds(sorted.at(-1) as number)} |`;
  });
  return ['| fault | times | median s | longest s |', '| --- | --- | --- | --- |', ...rows].join('\n');
};
