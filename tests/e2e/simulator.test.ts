import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readOptions } from '@flashclaim/sale/options.ts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openBrowser } from '../support/chromium.ts';
import { accessibilityFaults, expectNoSidewaysScroll, openPage } from '../support/live-page.ts';
import { runAudit } from '../support/run-audit.ts';
import { runCommand, startCommand } from '../support/run-command.ts';
import { type SmallSale, startSmallServer } from '../support/small-server.ts';
import { systemForFile } from '../support/system-for-file.ts';
import { until } from '../support/until.ts';

const RIGHT = 'oversold 0 · double 0 · false refusals 0 · lost 0';

/** Runs the same program as `npm run sale`. */
const runSale = (...options: string[]) => runCommand('apps/sale/src/sale.ts', {}, options);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashclaim-sale-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('npm run sale against the real system', () => {
  const target = systemForFile();

  test('a stampede with impatient callers is right, and both checkers agree from its history', async () => {
    const [history, json, html] = ['history.jsonl', 'sale.json', 'sale.html'].map((name) => join(folder, name));
    const misbehaviour = ['--double-dip', '5%', '--hang-up', '5%', '--retry', '5%'];
    const files = ['--history', `${history}`, '--json', `${json}`, '--html', `${html}`];
    const size = ['--users', '1300', '--stock', '1100', '--connections', '100'];
    const { code, text, last } = await runSale('stampede', '--url', target.url, ...size, ...misbehaviour, ...files);
    expect(last).toBe(RIGHT);
    expect(code).toBe(0);
    expect(text).toMatch(
      /claims\/s in .* · \d+ cores \(the simulator used [\d.]+\) · 100 connections · Flashclaim .* on this machine/,
    );
    expect(text).toMatch(/answer times in ms +answers +p50 +p95 +p99 +max/);

    const summary = JSON.parse(await readFile(`${json}`, 'utf8'));
    expect(summary).toMatchObject({ scenario: 'stampede', claimedCount: 1100, remaining: 0, receiptFaults: [] });
    // 65 users claim twice at once, 65 repeat their claim, and 65 hang up.
    expect(Object.values<number>(summary.outcomes).reduce((sum, times) => sum + times)).toBe(1430);
    const page = await readFile(`${html}`, 'utf8');
    expect(page).toContain(RIGHT);
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page).not.toMatch(/https?:\/\/(?!127\.0\.0\.1)|NaN|undefined/);

    const [audit, receipts] = await Promise.all([
      runAudit(target.system.stores.env, ['--history', `${history}`]),
      runSale('judge', `${history}`),
    ]);
    expect(audit.last).toMatch(/coupons 1 · violations 0$/);
    expect(receipts.last).toMatch(/faults 0$/);
  });

  test('callers who come before the sale opens are refused, come again and are served', async () => {
    const size = ['--users', '60', '--stock', '60', '--rate', '40'];
    const { code, text, last } = await runSale('noon', '--url', target.url, ...size);
    expect(last).toBe(RIGHT);
    expect(code).toBe(0);
    expect(text).toMatch(/sale_not_open \d+/);
    expect(text).toContain('units 60 · granted to 60 · claimed 60 · left 0');
  });
});

describe('npm run sale against small servers', () => {
  const FLASH_SALE = ['flash-sale', '--adapter', 'minimal'];
  const rows: [string, SmallSale, string[], string][] = [
    ['is correct', {}, FLASH_SALE, RIGHT],
    ['oversells', { grants: 8 }, FLASH_SALE, 'oversold 3 · double 0 · false refusals 0 · lost 0'],
    ['grants a user twice', { grantsPerUser: 2 }, ['double-dip'], 'oversold 0 · double 1 · false refusals 0 · lost 0'],
    ['answers 200 and forgets', { forgets: 2 }, FLASH_SALE, 'oversold 0 · double 0 · false refusals 0 · lost 2'],
    [
      'refuses although a unit is left',
      { grants: 4 },
      ['mixed', '--users', '10', '--stock', '5', '--rate', '100'],
      'oversold 0 · double 0 · false refusals 6 · lost 0',
    ],
  ];
  test.each(rows)('a server that %s', async (_, sale, options, verdict) => {
    const { code, last } = await runSale(...options, '--url', await startSmallServer(sale));
    expect(last).toBe(verdict);
    expect(code).toBe(verdict === RIGHT ? 0 : 1);
  });

  test('everybody can read the page of a sale, right or wrong', async () => {
    const runs = [{}, { grants: 8 }].map(async (sale, index) => {
      const html = join(folder, `page-${index}.html`);
      await runSale(...FLASH_SALE, '--url', await startSmallServer(sale), '--html', html);
      return pathToFileURL(html).href;
    });
    const [urls, browser] = await Promise.all([Promise.all(runs), openBrowser()]);
    onTestFinished(() => browser.close());
    const looks = [
      { colorScheme: 'light', viewport: { width: 390, height: 844 } },
      { colorScheme: 'dark', viewport: { width: 1_280, height: 900 } },
    ] as const;
    for (const url of urls)
      for (const look of looks) {
        const { page, errors, close } = await openPage(browser, url, look);
        expect(await accessibilityFaults(page)).toEqual([]);
        await expectNoSidewaysScroll(page);
        expect(errors).toEqual([]);
        await close();
      }
  });

  test('a sale that is interrupted is judged by what was seen', async () => {
    const options = ['flash-sale', '--users', '10000', '--stock', '10000', '--rate', '10'];
    const { handle, lines, ended } = await startCommand('apps/sale/src/sale.ts', {}, [
      ...options,
      '--url',
      await startSmallServer({}),
    ]);
    await until(async () => lines.some((line) => line.includes(' left · ')));
    handle.kill('SIGINT');
    const { code, text, last } = await ended;
    expect(text).toContain('Ended early');
    expect(last).toBe(RIGHT);
    expect(code).toBe(0);
  });

  // Otherwise it asks for half a minute.
  test('Ctrl-C ends the wait for claims that are pending', { timeout: 20_000 }, async () => {
    const url = await startSmallServer({ isStuck: true });
    const { handle, lines, ended } = await startCommand('apps/sale/src/sale.ts', {}, ['flash-sale', '--url', url]);
    await until(async () => lines.some((line) => line.startsWith('Claims pending: 50.')));
    handle.kill('SIGINT');
    const { code, text, last } = await ended;
    expect(text).toMatch(/^pending \d+$/m);
    expect(last).toBe(RIGHT);
    expect(code).toBe(0);
  });

  test('a server that ends during the sale is not judged, and what was seen is printed', {
    timeout: 20_000,
  }, async () => {
    const url = await startSmallServer({ endsAfter: 20 });
    const { handle, lines, ended } = await startCommand('apps/sale/src/sale.ts', {}, ['flash-sale', '--url', url]);
    await until(async () => lines.some((line) => line.startsWith("The coupon can't be read")));
    handle.kill('SIGINT');
    const { code, text, last } = await ended;
    expect(text).toMatch(/^claimed 5 · .*unknown \d+$/m);
    expect(last).toMatch(/^not judged: the coupon can't be read after the sale \(/);
    expect(code).toBe(2);
  });
});

describe('npm run sale says what is wrong', () => {
  test('with a server that does not answer, and exit code 2', async () => {
    const { code, text } = await runSale('flash-sale', '--url', 'http://127.0.0.1:1');
    expect(text).toContain("sale: http://127.0.0.1:1 can't be reached");
    expect(code).toBe(2);
  });

  test.each([
    [['jam'], 'Name one scenario: flash-sale'],
    [['flash-sale', '--users', 'all'], '--users must be a whole number from 1 to 1000000, not "all".'],
    [['flash-sale', '--double-dip', '5'], '--double-dip must be a percentage from 0% to 100%, such as 5%, not "5".'],
    [['flash-sale', '--hang-up', '60%', '--retry', '50%'], 'together at most 100%'],
    [['flash-sale', '--arrival', 'burst', '--rate', '9'], '--rate needs --arrival ramp or poisson.'],
    [['flash-sale', '--url', 'localhost:8080'], '--url must begin with http:// or https://'],
    [['flash-sale', '--speed', '9'], "Unknown option '--speed'"],
  ])('with the options %j: %s', (options, sentence) => {
    expect(() => readOptions(options)).toThrow(sentence);
  });
});
