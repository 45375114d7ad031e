import { parseArgs } from 'node:util';
import { StartError } from '@flashclaim/runtime/read-settings';
import { type Arrival, SCENARIOS, type Scenario } from './scenarios.ts';

export const USAGE = `npm run sale -- SCENARIO [options]    runs a sale against a server, and judges its result

${Object.entries(SCENARIOS)
  .map(([name, { about }]) => `  ${name.padEnd(16)} ${about}`)
  .join('\n')}
  judge FILE       judges a recorded history by the sequence numbers of its receipts, without a server

  --url URL        the server (default: that of npm start)
  --users N        callers
  --stock N        units of the coupon, which the sale creates
  --connections N  requests in flight
  --double-dip P   share of the users who claim twice at once, for example 5%
  --hang-up P      share of the users who hang up before the answer
  --retry P        share of the users who repeat their claim after its answer
  --arrival HOW    burst, ramp or poisson
  --rate N         claims a second: the mean, or with ramp the highest
  --adapter NAME   the API of the server: flashclaim (default), minimal, or a file like apps/sale/src/adapters/minimal.ts
  --json FILE      writes the result
  --html FILE      writes it as a page with plots
  --history FILE   writes every call, for npm run audit -- --history FILE
  --help           prints this

ADMIN_TOKEN, and the first of CLAIM_API_KEYS, are sent if they are set. The coupon stays on the server.
Exit code 0: the sale was right; 1: faults; 2: it was not possible, or could not be judged.`;

export interface SaleOptions extends Omit<Scenario, 'about'> {
  scenario: string;
  rate?: number | undefined;
  /** Shares of the users, 0 to 1, of different users. */
  doubleDip: number;
  hangUp: number;
  retry: number;
  url?: string | undefined;
  adapter: string;
  json?: string | undefined;
  html?: string | undefined;
  history?: string | undefined;
}

const text = { type: 'string' } as const;
const OPTIONS = {
  ...{ url: text, users: text, stock: text, connections: text, arrival: text, rate: text },
  ...{ 'double-dip': text, 'hang-up': text, retry: text },
  ...{ adapter: text, json: text, html: text, history: text },
  help: { type: 'boolean' },
} as const;

/** What the command line asks for: a sale, a history to judge, or help. @throws StartError that names a wrong option. */
export const readOptions = (args: readonly string[]): SaleOptions | { judge: string } | 'help' => {
  const { values, positionals } = parse(args);
  const [name = '', file, ...rest] = positionals;
  if (values.help) return 'help';
  if (name === 'judge' && file !== undefined && rest.length === 0) return { judge: file };
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (!scenario || file !== undefined)
    throw new StartError(`Name one scenario: ${Object.keys(SCENARIOS).join(', ')}; or judge FILE.\n\n${USAGE}`);
  const { about: _, ...defaults } = scenario;
  const options: SaleOptions = {
    ...{ scenario: name, ...defaults, adapter: values.adapter ?? 'flashclaim' },
    users: whole('--users', values.users, defaults.users, 1_000_000),
    stock: whole('--stock', values.stock, defaults.stock, 2_147_483_647),
    connections: whole('--connections', values.connections, defaults.connections, 20_000),
    arrival:
      values.rate && !values.arrival && defaults.arrival === 'burst'
        ? 'poisson'
        : arrival(values.arrival, defaults.arrival),
    rate: values.rate === undefined ? undefined : whole('--rate', values.rate, 0, 1_000_000),
    doubleDip: share('--double-dip', values['double-dip']),
    hangUp: share('--hang-up', values['hang-up']),
    retry: share('--retry', values.retry),
    url: values.url === undefined ? undefined : baseUrl(values.url),
    json: values.json,
    html: values.html,
    history: values.history,
  };
  if (options.doubleDip + options.hangUp + options.retry > 1)
    throw new StartError('--double-dip, --hang-up and --retry are of different users: together at most 100%.');
  if (values.rate && values.arrival === 'burst') throw new StartError('--rate needs --arrival ramp or poisson.');
  return options;
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const whole = (option: string, given: string | undefined, otherwise: number, max: number): number => {
  if (given === undefined) return otherwise;
  const number = Number(given);
  if (/^\d+$/.test(given) && number >= 1 && number <= max) return number;
  throw new StartError(`${option} must be a whole number from 1 to ${max}, not "${given}".`);
};

const share = (option: string, given: string | undefined): number => {
  if (given === undefined) return 0;
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(given)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100;
  throw new StartError(`${option} must be a percentage from 0% to 100%, such as 5%, not "${given}".`);
};

const arrival = (given: string | undefined, otherwise: Arrival): Arrival => {
  if (given === undefined) return otherwise;
  if (given === 'burst' || given === 'ramp' || given === 'poisson') return given;
  throw new StartError(`--arrival must be burst, ramp or poisson, not "${given}".`);
};

const baseUrl = (given: string): string => {
  const url = URL.parse(given);
  if (url && /^https?:$/.test(url.protocol)) return url.href.replace(/\/$/, '');
  throw new StartError(`--url must begin with http:// or https://, such as http://127.0.0.1:8080, not "${given}".`);
};
