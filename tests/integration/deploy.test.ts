import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { settings as apiSettings } from '@flashclaim/api/env';
import { findFreePort, NODE_ARGUMENTS, startProcess } from '@flashclaim/local-stack';
import { settings as workerSettings } from '@flashclaim/worker/env';
import { parser } from '@prometheus-io/lezer-promql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { findPrometheus } from '../support/prometheus.ts';
import { runAudit } from '../support/run-audit.ts';
import { scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}
const rules = parse(read('deploy/prometheus/rules.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
) as Rule[];

/** Where a panel is on the board: the place of its upper left corner, and its size. */
interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}
interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: Place;
  datasource?: { uid: string };
  targets?: { expr: string; datasource?: { uid: string } }[];
}
const dashboard = JSON.parse(read('deploy/grafana/dashboards/flashclaim.json')) as { panels: Panel[] };

/** Every expression, by where it stands. Grafana puts its own variables in. */
const expressions: [string, string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [title, expr.replaceAll(/\$__(rate_interval|range)/g, '1m')]),
  ),
];

let system: System;
let told: string;
beforeAll(async () => {
  system = await startSystem();
  const worker = system.workerUrls[0] as string;
  await until(() =>
    fetch(`${worker}/livez`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const folder = await mkdtemp(join(tmpdir(), 'flashclaim-deploy-'));
  const file = join(folder, 'audit.prom');
  await runAudit({ ...system.stores.env, AUDIT_METRICS_FILE: file });
  const texts = [await scrape(system.urls[0] as string), await scrape(worker)].map(({ text }) => text);
  told = [...texts, await readFile(file, 'utf8')].join('\n');
  await rm(folder, { recursive: true });
});
afterAll(() => system?.close());

/** What is asked for: the name of a series, and its labels with the values that they are compared with. */
const selectorsOf = (expr: string) =>
  [...expr.matchAll(/\b((?:flashclaim|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', matchers = '']) => ({
    name,
    matchers: [...matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label = '', , value = '']) => ({
      label,
      values: value.split('|'),
    })),
  }));

describe('an expression', () => {
  test.each(expressions)('%s: %s', (_, expr) => {
    const tree = parser.parse(expr);
    const errors: string[] = [];
    tree.iterate({ enter: (node) => void (node.type.isError && errors.push(expr.slice(node.from, node.to + 10))) });
    expect(errors).toEqual([]);
    for (const { name, matchers } of selectorsOf(expr)) {
      const series = told.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
      expect(series, name).not.toEqual([]);
      // Prometheus itself adds these.
      for (const { label, values } of matchers.filter(({ label }) => label !== 'job'))
        for (const value of values)
          expect(
            series.some((line) => line.includes(`${label}="${value}"`)),
            `${name} ${label}=${value}`,
          ).toBe(true);
    }
  });

  test('asks for every metric of the claim path', () => {
    const asked = new Set(expressions.flatMap(([, expr]) => selectorsOf(expr).map(({ name }) => name)));
    const names = [...told.matchAll(/^# TYPE (flashclaim_\w+) (\w+)$/gm)];
    expect(names.length).toBeGreaterThan(15);
    for (const [, name = '', type] of names)
      expect(
        [...asked].some((one) => one === name || (type === 'histogram' && one.startsWith(`${name}_`))),
        name,
      ).toBe(true);
  });
});

describe('the board', () => {
  const { panels } = dashboard;

  test('has an id of its own for each panel', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  test('has no panel upon another, nor beside the grid', () => {
    const GRID_WIDTH = 24;
    const isUpon = (one: Place, other: Place): boolean =>
      one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
    for (const [index, { title, gridPos }] of panels.entries()) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(GRID_WIDTH);
      const upon = panels.slice(index + 1).filter((other) => isUpon(gridPos, other.gridPos));
      expect(
        upon.map((other) => other.title),
        title,
      ).toEqual([]);
    }
  });

  test('reads from the data source that is provisioned, and from no other', () => {
    const { datasources } = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml'));
    const uids = datasources.map(({ uid }: { uid: string }) => uid);
    const asked = panels.filter(({ type }) => type !== 'row');
    for (const { title, datasource, targets = [] } of asked)
      for (const { uid } of [datasource, ...targets.map((target) => target.datasource ?? datasource)] as {
        uid: string;
      }[])
        expect(uids, title).toContain(uid);
    expect(asked.length).toBeGreaterThan(10);
  });
});

describe('an alert', () => {
  test.each(rules)('$alert has a summary, a severity and an entry in the runbook', ({ alert, labels, annotations }) => {
    expect(labels.severity).toMatch(/^(warning|critical)$/);
    expect(annotations.summary).toMatch(/\.$/);
    expect(annotations.runbook).toBe(`docs/operate.md#${alert.toLowerCase()}`);
    const [, entry = ''] = read('docs/operate.md').split(`\n### ${alert}\n`);
    expect(entry.trim()).toMatch(/^\w/);
  });

  test('has a case in which it fires', () => {
    const cases = read('deploy/prometheus/rules.test.yml');
    for (const { alert } of rules) expect(cases).toContain(alert);
  });
});

const programs = await findPrometheus();

test.skipIf(!programs)('Prometheus itself finds the rules right, and each fires when it should', () => {
  for (const args of [
    // Without the file of the token, which is there in the container only.
    ['check', 'config', '--syntax-only', 'deploy/prometheus/prometheus.yml'],
    ['test', 'rules', 'deploy/prometheus/rules.test.yml'],
  ])
    execFileSync(programs?.promtool as string, args, { cwd: ROOT, stdio: 'pipe' });
});

test.skipIf(!programs)('Prometheus sends the first admin token, as its container starts it', async () => {
  const closed = await startSystem({
    workers: 0,
    env: { ADMIN_TOKEN: 'the first admin token,the second admin token' },
  });
  const folder = await mkdtemp(join(tmpdir(), 'flashclaim-scrape-'));
  const inFolder = (text: string): string => text.replaceAll('/tmp/', `${folder}/`);
  const target = { targets: [new URL(closed.urls[0] as string).host] };
  const [{ dns_sd_configs: _, ...job }] = parse(inFolder(read('deploy/prometheus/prometheus.yml'))).scrape_configs;
  const config = { global: { scrape_interval: '500ms' }, scrape_configs: [{ ...job, static_configs: [target] }] };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const [shell, ...script] = parse(read('docker-compose.yml'), { merge: true }).services.prometheus.entrypoint;
  const port = await findFreePort();
  const prometheus = await startProcess({
    name: 'prometheus',
    command: shell,
    args: [
      ...script.map((text: string) => inFolder(text.replaceAll('$$', '$'))),
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    env: {
      ADMIN_TOKEN: 'the first admin token,the second admin token',
      PATH: `${dirname(programs?.prometheus as string)}:${process.env['PATH']}`,
    },
  });
  const isUp = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=up`);
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return data.result[0]?.value[1] === '1';
  };
  await until(() => isUp().catch(() => false));
  await prometheus.stop();
  await closed.close();
  await rm(folder, { recursive: true });
});

test('what Prometheus scrapes and Grafana reads are there', () => {
  const compose = parse(read('docker-compose.yml'), { merge: true });
  const { scrape_configs } = parse(read('deploy/prometheus/prometheus.yml'));
  for (const { dns_sd_configs } of scrape_configs) {
    const [{ names, port }] = dns_sd_configs;
    const { environment } = compose.services[names[0]];
    expect(environment.PORT ?? environment.WORKER_PORT).toBe(String(port));
    expect(environment.HOST).toBe('0.0.0.0');
  }
  const asked = expressions.flatMap(([, expr]) => [...expr.matchAll(/job="([^"]*)"/g)].map(([, job]) => job));
  const scraped = scrape_configs.map(({ job_name }: { job_name: string }) => job_name);
  expect([...new Set(asked)].toSorted()).toEqual(scraped.toSorted());
  for (const service of ['prometheus', 'grafana']) {
    expect(compose.services[service].profiles).toEqual(['observability']);
    for (const port of compose.services[service].ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
});

describe('the containers', () => {
  interface Service {
    environment?: Record<string, string>;
    secrets?: string[];
    ports?: string[];
    mem_limit?: string;
    command?: string[];
  }
  const compose = parse(read('docker-compose.yml'), { merge: true });
  const services = compose.services as Record<string, Service>;
  const { MONGO_URI, MONGO_DB } = apiSettings;
  /** Where a container listens is its own business: the ports that are published say where callers reach it. */
  const INSIDE = ['HOST', 'PORT', 'WORKER_PORT'];

  test.each([
    ['api', apiSettings],
    ['worker', workerSettings],
    ['seed', { MONGO_URI, MONGO_DB }],
  ])('every setting of the %s reaches it', (name, settings) => {
    const { environment = {}, secrets = [] } = services[name] as Service;
    for (const [setting, { writeOnly }] of Object.entries(settings)) {
      if (INSIDE.includes(setting)) expect(environment).toHaveProperty(setting);
      else expect(environment[setting], setting).toMatch(new RegExp(`^\\$\\{${setting}\\b`));
      const file = `${setting}_FILE`;
      if (!writeOnly && environment[file] === undefined) continue;
      const secret = setting.toLowerCase();
      expect(environment[file]).toBe(`\${${file}:+/run/secrets/${secret}}`);
      expect(secrets).toContain(secret);
      expect(compose.secrets[secret]).toEqual({ file: `\${${file}:-/dev/null}` });
    }
  });

  test('every variable of the Compose file is in the example, and no other', () => {
    const text = read('docker-compose.yml').replaceAll(/^ *#.*$/gm, '');
    const used = new Set([...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name));
    const example = read('.env.example');
    const shown = new Set([...example.matchAll(/^#?(\w+)=/gm)].map(([, name]) => name));
    // "Each NAME may be in a file instead": the example says so once for all.
    const inFiles = [...used].filter((name) => name?.endsWith('_FILE') && used.has(name.replace('_FILE', '')));
    expect([...used].filter((name) => !shown.has(name) && !inFiles.includes(name))).toEqual([]);
    expect([...shown].filter((name) => !used.has(name))).toEqual([]);
    // Nothing is set by a copy of it.
    expect(example).not.toMatch(/^[^#\n]/m);
  });

  test('have a memory limit each, and Redis refuses writes long before its own', () => {
    for (const [name, { mem_limit }] of Object.entries(services)) expect(mem_limit, name).toMatch(/\d[mg]\}?$/);
    const { command = [], mem_limit = '' } = services['redis'] as Service;
    const maxmemory = command[command.indexOf('--maxmemory') + 1] ?? '';
    expect([maxmemory, mem_limit]).toEqual(['256mb', '512m']);
  });

  test('are reached by callers through the proxy alone', () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports);
    expect(published.map(([name]) => name).toSorted()).toEqual(['grafana', 'prometheus', 'proxy']);
    expect(services['proxy']?.ports).toEqual([expect.stringMatching(/^\$\{LISTEN_ADDRESS:-127\.0\.0\.1\}:.*:8080$/)]);
    expect(services['api']?.environment).toMatchObject({ TRUST_PROXY: expect.stringMatching(/:-1\}$/) });
    const proxy = read('deploy/haproxy/haproxy.cfg');
    const passed = [...proxy.matchAll(/^ +acl passed (.*)$/gm)].map(([, rule]) => rule);
    expect(passed).toEqual(['path / /docs /openapi.json /health /problems', 'path_beg /api/ /docs/ /problems/']);
  });
});

test('containers run Node as npm start does', () => {
  const [, api = ''] = /^CMD (.*)$/m.exec(read('Dockerfile')) ?? [];
  expect(JSON.parse(api)).toEqual(['node', ...NODE_ARGUMENTS, 'apps/api/src/server.ts']);
  const { worker } = parse(read('docker-compose.yml'), { merge: true }).services;
  expect(worker.command).toEqual(['node', ...NODE_ARGUMENTS, 'apps/worker/src/worker.ts']);
});

test('the image contains every package that its commands need, and no other', () => {
  const folders = ['apps', 'packages'].flatMap((group) =>
    readdirSync(join(ROOT, group)).map((name) => `${group}/${name}`),
  );
  const packages = new Map(
    [...folders, 'seed'].map((folder) => {
      const { name, dependencies = {} } = JSON.parse(read(`${folder}/package.json`));
      return [name as string, { folder, dependencies: Object.keys(dependencies) }];
    }),
  );
  // A set also iterates over what is added meanwhile.
  const needed = new Set(['api', 'worker', 'seed', 'audit', 'maintenance'].map((name) => `@flashclaim/${name}`));
  for (const name of needed)
    for (const dependency of packages.get(name)?.dependencies ?? [])
      if (packages.has(dependency)) needed.add(dependency);
  const expected = [...needed].map((name) => packages.get(name)?.folder).toSorted();
  const manifests = [...read('Dockerfile').matchAll(/^COPY (\S+)\/package\.json \1\/$/gm)].map(([, folder]) => folder);
  const sent = [...read('.dockerignore').matchAll(/^!(apps\/.*|packages\/.*|seed)$/gm)].map(([, folder]) => folder);
  expect(manifests.toSorted()).toEqual(expected);
  expect(sent.toSorted()).toEqual(expected);
});
