import { rename, writeFile } from 'node:fs/promises';
import type { Faults } from './recount.ts';

/**
 * Writes the faults in the text format of Prometheus, for the textfile collector of its node exporter. Renames a complete
 * file, because the exporter may read it at any moment.
 */
// biome-ignore lint/plugin/wall-clock: a timestamp: when the recount ended.
export const writeMetrics = async (file: string, faults: Faults, now = new Date()): Promise<void> => {
  const { oversold, double, lost, orphaned, misnumbered, malformed } = faults;
  const counts = Object.entries({ oversold, double, lost, orphaned, misnumbered, malformed });
  const lines = [
    '# HELP flashclaim_audit_faults Faults that the last recount found, by kind.',
    '# TYPE flashclaim_audit_faults gauge',
    ...counts.map(([kind, count]) => `flashclaim_audit_faults{kind="${kind}"} ${count}`),
    '# HELP flashclaim_audit_timestamp_seconds When the last recount ended.',
    '# TYPE flashclaim_audit_timestamp_seconds gauge',
    `flashclaim_audit_timestamp_seconds ${now.getTime() / 1_000}`,
  ];
  await writeFile(`${file}.new`, `${lines.join('\n')}\n`);
  await rename(`${file}.new`, file);
};
