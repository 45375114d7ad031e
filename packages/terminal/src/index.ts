/** What a command shows a person: tables that line up, and how far it is. */
export * from './progress.ts';
export * from './table.ts';
