/** `npm start`: runs the whole system on this machine until Ctrl-C. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import { seedCoupons } from '@flashclaim/seed';
import { connectMongo, migrate } from '@flashclaim/store';
import { requireSpace } from './disk-space.ts';
import { readEnv } from './env.ts';
import { addressOf, announceApi } from './find-api.ts';
import { findHolder, inUse } from './folder-lock.ts';
import { isPortFree } from './free-port.ts';
import { DATA_FOLDER as dataDir, startApp, waitUntilHealthy, whenOneEnds } from './start-apps.ts';
import { stopEveryProcess } from './start-process.ts';
import { type Stores, startStores } from './start-stores.ts';
import { startupBanner } from './startup-banner.ts';
import { onStopSignal } from './stop-signal.ts';

const USAGE = `npm start    MongoDB, Redis, the API and a worker on this machine, with seed data, until Ctrl-C
  -- --help  prints this

The data stay in .data/. If MONGO_URI or REDIS_URL is set, that store is used. README.md lists all settings.`;

/** In this time the API answers waiting callers and the worker finishes its job: their own limits are shorter. */
const STOP_MAX_MS = 20_000;

/** Longest time until all processes of a killed start have ended. */
const EARLIER_START_MAX_MS = 15_000;
const CONNECT_MAX_MS = 5_000;

/** One function for each started part, in the order of the starts. */
const stops: (() => Promise<unknown>)[] = [];
let ending = false;

const say = (about: string, text: string): void => {
  if (!ending) console.log(`${about.padEnd(9)} ${text}`);
};

const run = async (): Promise<void> => {
  if (wantsHelp()) {
    console.log(USAGE);
    process.exit(0);
  }
  const { PORT, HOST, MONGO_DB } = readEnv();
  await waitForPort(PORT, HOST);
  await requireSpace(dataDir);
  const stores = await startStores({ dataDir, log: say });
  stops.push(() => stores.stop());
  await prepareDatabase(stores, MONGO_DB);

  const [worker, api] = await Promise.all([startApp('worker', stores), startApp('API', stores)]);
  stops.push(
    () => worker.stop(STOP_MAX_MS),
    () => api.stop(STOP_MAX_MS),
  );

  const end = whenOneEnds([api, worker, ...[stores.mongo, stores.redis].filter((server) => server !== undefined)]);
  const baseUrl = `http://${addressOf(HOST)}:${PORT}`;
  await Promise.race([waitUntilHealthy(baseUrl), end]);
  await announceApi(dataDir, PORT);
  console.log(await startupBanner({ baseUrl, stores, dataDir }));
  await end;
};

/** @throws StartError with the usage on any other argument. */
const wantsHelp = (): boolean => {
  try {
    return parseArgs({ options: { help: { type: 'boolean', default: false } } }).values.help;
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

/**
 * Checks that the port is free before anything starts. Waits for an earlier start that is stopping.
 * @throws StartError naming the process or program that uses it.
 */
const waitForPort = async (port: number, host: string): Promise<void> => {
  const deadline = performance.now() + EARLIER_START_MAX_MS;
  while (!(await isPortFree(port, host))) {
    const holder = (await findHolder(join(dataDir, 'redis'))) ?? (await findHolder(join(dataDir, 'mongo')));
    if (holder && !holder.stopping) throw new StartError(inUse(dataDir, holder.owner));
    if (!holder || performance.now() > deadline)
      throw new StartError(
        `Port ${port} on ${host} is used by another program: stop that, or set PORT to a free port (PORT=8090 npm start).`,
      );
    await sleep(200);
  }
};

/** Migrates the database if it has the layout of an earlier version, and seeds it. */
const prepareDatabase = async (stores: Stores, database: string): Promise<void> => {
  const mongo = await connectMongo(stores.mongoUri, database, { serverSelectionTimeoutMS: CONNECT_MAX_MS });
  try {
    const migrated = await migrate(mongo);
    if (migrated.isMigrated)
      say('Layout', `migrated: ${migrated.claims} claims numbered, ${migrated.coupons} coupons completed`);
    const coupons = await seedCoupons(mongo.db);
    const created = coupons.filter((coupon) => coupon.created).length;
    say('Seed', `${created} coupons created, ${coupons.length - created} existed`);
  } finally {
    await mongo.client.close();
  }
};

/** Stops the API, the worker and the stores, in this order, and then this process. */
const stopAll = async (code: number, sentence: string): Promise<void> => {
  if (ending) return;
  ending = true;
  console.log(sentence);
  for (const stop of stops.reverse()) await stop();
  // A process that is just starting is not in the list yet.
  await stopEveryProcess();
  process.exit(code);
};

const stopAtOnce = async (): Promise<void> => {
  await stopEveryProcess(0);
  process.exit(1);
};

onStopSignal(
  (why) => stopAll(0, `\nStopping (${why}). Press Ctrl-C again to stop at once.`),
  () => stopAtOnce(),
);
await run().catch((error: unknown) => {
  // Errors during the stop are caused by it.
  if (ending) return;
  const known = error instanceof StartError;
  if (!known) console.error(error);
  return stopAll(1, known ? error.message : 'Stopping because of the error above.');
});
