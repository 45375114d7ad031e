import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, matchesGlob, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** Finds words that this project no longer uses, in all tracked files or those that are named. Exit code 1 where one is. */
const USAGE = `tests/words/check-words.ts [options] [PATH...]
  PATH       files, or folders whose tracked files are checked (everything that is tracked)
  --staged   checks the files that the next commit changes
  --help     prints this

The words are in tests/words/retired-words.txt.`;

const ROOT = join(import.meta.dirname, '../..');
const LIST = join(import.meta.dirname, 'retired-words.txt');
const CHECKED = /\.(css|html|js|json|md|mjs|sh|ts|yml)$/;
const EXCEPT = ['pnpm-lock.yaml', 'packages/client/src/openapi.ts', 'docs/results/**', 'tests/words/**'];

/** What may stand between two words of a phrase: a comment goes on in the next line. */
const GAP = String.raw`\s+(?:(?:\*|//|#)\s+)?`;

interface Entry {
  instead: string;
  allowed: string | undefined;
}

const readList = (): Map<string, Entry> => {
  const entries = new Map<string, Entry>();
  for (const line of readFileSync(LIST, 'utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, words, instead, allowed] = /^(.+?) -> (.+?)(?: \| (\S+))?$/.exec(line) ?? [];
    if (!words || !instead) throw new Error(`${LIST}: not "retired -> instead": ${line}`);
    for (const word of words.split(', ')) entries.set(word.toLowerCase(), { instead, allowed });
  }
  return entries;
};

const git = (...args: string[]): string[] =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 })
    .split('\0')
    .filter(Boolean)
    .map((file) => join(ROOT, file));

const filesOf = (paths: readonly string[], staged: boolean): string[] => {
  if (staged) return git('diff', '--cached', '--name-only', '--no-renames', '--diff-filter=AM', '-z');
  if (paths.length === 0) return git('ls-files', '-z');
  return paths
    .map((path) => resolve(path))
    .flatMap((path) => (statSync(path).isDirectory() ? git('ls-files', '-z', '--', path) : [path]));
};

/** The findings of a file, each a line of text. */
const check = (file: string, entries: ReadonlyMap<string, Entry>, retired: RegExp): string[] => {
  const path = relative(ROOT, file);
  // A name such as openCable is two words. Spaces move no line.
  const text = readFileSync(file, 'utf8').replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, ' ');
  return [...text.matchAll(retired)].flatMap(({ 0: found, index }) => {
    const word = found.toLowerCase().replaceAll(new RegExp(GAP, 'g'), ' ');
    const { instead, allowed } = entries.get(word) as Entry;
    if (allowed && matchesGlob(path, allowed)) return [];
    const line = text.slice(0, index).split('\n').length;
    return [`${path}:${line}: "${word}" is retired, write "${instead}"`];
  });
};

const run = (): number => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { staged: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const entries = readList();
  const words = [...entries.keys()].map((word) => word.replaceAll(' ', GAP));
  const retired = new RegExp(String.raw`(?<!\p{L})(?:${words.join('|')})(?!\p{L})`, 'giu');
  const findings = filesOf(positionals, values.staged)
    .filter((file) => CHECKED.test(file) && !EXCEPT.some((glob) => matchesGlob(relative(ROOT, file), glob)))
    // A tracked file may be deleted already.
    .filter((file) => existsSync(file))
    .flatMap((file) => check(file, entries, retired));
  if (findings.length > 0) console.log(findings.join('\n'));
  return findings.length > 0 ? 1 : 0;
};

try {
  process.exitCode = run();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
