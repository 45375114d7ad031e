import { startProcess } from '@flashclaim/local-stack';
import { environmentOf } from '../env.ts';

const MARK = 'RESULT ';

/** Starts a load client that ends with a line `RESULT {json}`. `result` rejects with the output if there is no such line. */
export const startClient = async (command: string, args: string[]): Promise<{ result: Promise<unknown> }> => {
  const lines: string[] = [];
  const output = (line: string) => void lines.push(line);
  const client = await startProcess({ name: command, command, args, output, env: environmentOf({}) });
  const result = client.exited.then(() => {
    const line = lines.find((text) => text.startsWith(MARK));
    if (!line) throw new Error(`The load client "${command} ${args.join(' ')}" failed:\n${lines.join('\n')}`);
    return JSON.parse(line.slice(MARK.length)) as unknown;
  });
  // The caller awaits the result later; until then a rejection must not count as unhandled.
  result.catch(() => {});
  return { result };
};

/** Prints the result of one of our load clients. */
export const reportResult = (result: unknown): void => console.log(`${MARK}${JSON.stringify(result)}`);
