import { PROBLEM_ACTIONS, PROBLEMS, type ProblemCode } from '@flashclaim/core';

/** The page of one problem type: what it means, and what to do. */
export const problemPage = (code: ProblemCode): string => {
  const { status, title } = PROBLEMS[code];
  return page(code, [
    `<p>${toHtml(title)}.</p>`,
    `<p>What to do: ${toHtml(PROBLEM_ACTIONS[code])}</p>`,
    `<p>HTTP status: ${status}</p>`,
    '<p><a href="/problems">All problem types</a> · <a href="/docs">The API</a></p>',
  ]);
};

/** The page that lists all problem types. */
export const problemList = (): string =>
  page('Problem types', [
    '<ul>',
    ...Object.entries(PROBLEMS).map(
      ([code, { status, title }]) => `<li><a href="/problems/${code}">${code}</a> (${status}): ${toHtml(title)}</li>`,
    ),
    '</ul>',
    '<p><a href="/docs">The API</a></p>',
  ]);

const page = (heading: string, lines: readonly string[]): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${heading} · Flashclaim</title>
</head>
<body>
<h1>${heading}</h1>
${lines.join('\n')}
</body>
</html>
`;

/** Text between backticks becomes code. The texts are ours, and contain no other markup. */
const toHtml = (text: string): string => text.replaceAll(/`([^`]+)`/g, '<code>$1</code>');
