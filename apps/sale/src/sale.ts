/** `npm run sale`: runs a sale against a server with this API, and judges its result. */
import { readFile, writeFile } from 'node:fs/promises';
import { StartError } from '@flashclaim/runtime/read-settings';
import { checkReceipts } from './check-receipts.ts';
import { readEnv } from './env.ts';
import { isRight } from './judge-sale.ts';
import { readOptions, type SaleOptions, USAGE } from './options.ts';
import { summaryPage } from './report/summary-page.ts';
import { summaryText } from './report/summary-text.ts';
import { SaleClient } from './sale-client.ts';
import { findAdapter } from './sale-target.ts';
import { simulateSale } from './simulate-sale.ts';

/** Resolves to the exit code. */
const run = async (): Promise<number> => {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  return 'judge' in options ? judgeFile(options.judge) : runSale(options);
};

const runSale = async (options: SaleOptions): Promise<number> => {
  const adapter = await findAdapter(options.adapter);
  // Loaded only here: it brings the driver of MongoDB.
  const url = options.url ?? (await (await import('@flashclaim/local-stack')).findApi());
  const client = new SaleClient(url, readEnv());
  const { users, stock, arrival, connections } = options;
  console.log(
    `${options.scenario} at ${url}: users ${users} · units ${stock} · ${arrival} · connections ${connections}. Ctrl-C ends it.\n`,
  );
  try {
    const { summary, history } = await simulateSale({ client, adapter, url }, options, stopSignal());
    // Printed first: a file that can't be written must not hide the result.
    console.log(summaryText(summary));
    await write('--history', options.history, () => history.map((record) => `${JSON.stringify(record)}\n`).join(''));
    await write('--json', options.json, () => `${JSON.stringify(summary, null, 2)}\n`);
    await write('--html', options.html, () => summaryPage(summary));
    if (summary.receiptFaults.length > 0) return 1;
    if (!summary.verdict) return 2;
    return isRight(summary.verdict) ? 0 : 1;
  } finally {
    client.close();
  }
};

/** Aborts on the first Ctrl-C. The second one ends the process at once. */
const stopSignal = (): AbortSignal => {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
};

const write = async (option: string, file: string | undefined, text: () => string): Promise<void> => {
  if (file === undefined) return;
  await writeFile(file, text()).catch((error: Error) => {
    throw new StartError(`${option} ${file} can't be written: ${error.message}.`);
  });
};

const judgeFile = async (file: string): Promise<number> => {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new StartError(`${file} can't be read: ${error.message}.`);
  });
  const lines = text.split('\n').filter((line) => line !== '');
  const faults = checkReceipts(lines.map((line, index) => parse(line, `${file}: line ${index + 1}`)));
  for (const { fault, found } of faults) console.log(`${fault}: ${found}`);
  console.log(`${faults.length > 0 ? '\n' : ''}records ${lines.length} · faults ${faults.length}`);
  return faults.length > 0 ? 1 : 0;
};

const parse = (line: string, where: string): object => {
  try {
    const record = JSON.parse(line);
    if (typeof record?.op === 'string') return record;
  } catch {
    // Reported below.
  }
  throw new StartError(`${where} is not a record of a history.`);
};

await run().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof StartError ? `sale: ${error.message}` : error);
    process.exitCode = 2;
  },
);
