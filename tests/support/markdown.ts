import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The root of the repository. */
export const ROOT = join(import.meta.dirname, '../..');

/** A fenced block of code in a document. */
export interface CodeBlock {
  /** File and line of the fence, such as `docs/deploy.md:12`. */
  where: string;
  /** What follows the fence, such as `sh`; empty for a diagram. */
  language: string;
  code: string;
  /** `run` or `skip`, from the comment before the fence: `<!-- run: NOTE -->`. Empty if there is none. */
  mark: string;
  /** Of `run`: texts that the output must contain, separated by `; `. Of `skip`: the reason. */
  note: string;
}

/** Every tracked document of the repository, as a path from its root. */
export const listDocuments = (): string[] =>
  execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');

const readDocument = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const BLOCK = /(?:^ *<!-- (run|skip)(?:: (.+))? -->\n)?^ *```(.*)\n([\s\S]*?)^ *```$/gm;

export const blocksOf = (file: string): CodeBlock[] => {
  const text = readDocument(file);
  return [...text.matchAll(BLOCK)].map((match) => {
    const [, mark = '', note = '', language = '', code = ''] = match;
    const line = text.slice(0, match.index + match[0].indexOf('```')).split('\n').length;
    return { where: `${file}:${line}`, language, code, mark, note };
  });
};

const withoutCode = (text: string): string =>
  text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '').replaceAll(/`[^`\n]*`/g, '');

/** Addresses of links and pictures in Markdown and HTML, but those that begin with a scheme such as `https:`. */
export const relativeLinksOf = (file: string): string[] => {
  const links = withoutCode(readDocument(file)).matchAll(/\]\(([^)\s]+)\)|\b(?:href|src|srcset)="([^"]+)"/g);
  return [...links].map(([, markdown, html]) => (markdown ?? html) as string).filter((link) => !/^[a-z]+:/.test(link));
};

/** The anchors that GitHub gives the headings of a document. */
export const anchorsOf = (file: string): string[] => {
  const text = readDocument(file).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
};

/** The text under each heading, and before the first. */
export const sectionsOf = (file: string): string[] => readDocument(file).split(/^#+ /m);
