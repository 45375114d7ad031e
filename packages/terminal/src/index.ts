/** Terminal output of the commands: tables and progress. */
export * from './progress.ts';
export * from './table.ts';
