import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { downloadInto, findFreePort, isProgram, readEnv, startProcess } from '@flashclaim/local-stack';
import { until } from './until.ts';

const run = promisify(execFile);
const DOWNLOAD_MAX_MS = 120_000;

export interface PrometheusPrograms {
  prometheus: string;
  promtool: string;
}

/** Finds both programs: on this machine, or in Debian's package, which is downloaded once. Undefined if that fails. */
export const findPrometheus = async (): Promise<PrometheusPrograms | undefined> => {
  const { searchPath, cacheFolder } = readEnv();
  const cached = join(cacheFolder, 'prometheus');
  const folders = [...searchPath, join(cached, 'usr/bin')];
  const found = await programsIn(folders);
  if (found) return found;
  await downloadInto(cached, download).catch((error: Error) =>
    console.log(`Prometheus is not available: ${error.message}`),
  );
  return programsIn(folders);
};

const programsIn = async (folders: readonly string[]): Promise<PrometheusPrograms | undefined> => {
  for (const folder of folders) {
    const [prometheus, promtool] = [join(folder, 'prometheus'), join(folder, 'promtool')];
    if ((await isProgram(prometheus)) && (await isProgram(promtool))) return { prometheus, promtool };
  }
  return undefined;
};

/** Downloads Debian's package. Updates the package lists if they are old or missing. */
const download = async (folder: string): Promise<{ path: string }> => {
  const options = { cwd: folder, timeout: DOWNLOAD_MAX_MS };
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  const own = ['-o', `Dir::State::lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${folder}`];
  await run('apt-get', ['download', 'prometheus'], options).catch(async () => {
    await run('apt-get', [...own, 'update'], options);
    await run('apt-get', [...own, 'download', 'prometheus'], options);
  });
  const file = (await readdir(folder)).find((name) => name.endsWith('.deb')) as string;
  await run('dpkg-deb', ['-x', file, 'unpacked'], options);
  return { path: join(folder, 'unpacked') };
};

/** Addresses (host and port) to scrape, by the name of their job. */
type Targets = Record<string, readonly string[]>;

export interface PrometheusServer {
  /** Scrapes only these targets from now on. */
  scrape(targets: Targets): Promise<void>;
  /** Names of the alerts that fire now. */
  firing(): Promise<Set<string>>;
  close(): Promise<void>;
}

const SCRAPE_EVERY = '500ms';

/** Starts a Prometheus that scrapes and evaluates these rules twice a second. */
export const startPrometheus = async (program: string, rules: string): Promise<PrometheusServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'flashclaim-prometheus-'));
  const jobs = ['flashclaim-api', 'flashclaim-worker', 'flashclaim-audit'];
  const config = {
    global: { scrape_interval: SCRAPE_EVERY, scrape_timeout: SCRAPE_EVERY, evaluation_interval: SCRAPE_EVERY },
    rule_files: ['rules.yml'],
    scrape_configs: jobs.map((job_name) => ({ job_name, file_sd_configs: [{ files: [`${job_name}.json`] }] })),
  };
  const scrape = async (targets: Targets): Promise<void> => {
    for (const job of jobs) {
      const file = join(folder, `${job}.json`);
      await writeFile(`${file}.new`, JSON.stringify([{ targets: targets[job] ?? [] }]));
      // Prometheus reads the file as soon as it exists.
      await rename(`${file}.new`, file);
    }
  };
  await writeFile(join(folder, 'rules.yml'), rules);
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  await scrape({});
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const handle = await startProcess({
    name: 'prometheus',
    command: program,
    args: [
      '--config.file',
      join(folder, 'prometheus.yml'),
      '--storage.tsdb.path',
      join(folder, 'data'),
      '--web.listen-address',
      `127.0.0.1:${port}`,
      '--log.level',
      'error',
    ],
  });
  await until(() =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    scrape,
    firing: async () => {
      const { data } = (await (await fetch(`${url}/api/v1/alerts`)).json()) as {
        data: { alerts: { state: string; labels: { alertname: string } }[] };
      };
      return new Set(data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname));
    },
    close: async () => {
      await handle.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
