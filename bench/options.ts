import { parseArgs } from 'node:util';
import { StartError } from '@flashclaim/runtime';

export interface Options {
  rounds: number;
  seconds: number;
  /** Names of loads, or their first words; empty means all. */
  only: string[];
  json: string | undefined;
  plot: string | undefined;
  /** A commit: only this state and that one are measured, in pairs of runs. */
  against: string | undefined;
  pairs: number;
  /** Additional settings for the API and the workers of Flashclaim. */
  set: Record<string, string>;
}

const USAGE = `npm run bench -- [options]
  --only NAME[,NAME]   only these loads: a name (hot-256) or its first word (hot)
  --rounds N           rounds of each load (default: 3)
  --seconds S          duration of each run (default: 5)
  --json FILE          writes all raw figures
  --plot FILE          draws the throughput as SVG
  --against COMMIT     measures this state beside that commit, in pairs of runs
  --pairs N            pairs of runs of each load (default: 20)
  --set NAME=VALUE     a setting for Flashclaim's processes; may be repeated
  --help               prints this`;

/**
 * Ends this process after `--help`.
 * @throws StartError with the usage if an option is wrong.
 */
export const readOptions = (args: string[]): Options => {
  try {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string', default: '' },
        rounds: { type: 'string', default: '3' },
        seconds: { type: 'string', default: '5' },
        json: { type: 'string' },
        plot: { type: 'string' },
        against: { type: 'string' },
        pairs: { type: 'string', default: '20' },
        set: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean' },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return {
      rounds: wholeNumber('--rounds', values.rounds),
      seconds: wholeNumber('--seconds', values.seconds),
      only: values.only.split(',').filter(Boolean),
      json: values.json,
      plot: values.plot,
      against: values.against,
      pairs: wholeNumber('--pairs', values.pairs),
      set: Object.fromEntries(values.set.map(nameAndValue)),
    };
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const wholeNumber = (option: string, value: string): number => {
  if (!/^[1-9]\d{0,3}$/.test(value))
    throw new Error(`${option} must be a whole number from 1 to 9999, not "${value}".`);
  return Number(value);
};

const nameAndValue = (text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set must be NAME=VALUE, not "${text}".`);
  return [text.slice(0, at), text.slice(at + 1)];
};
