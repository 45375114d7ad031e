import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import {
  findBinary,
  mongod,
  mongoUri,
  readEnv,
  redisServer,
  type ServerHandle,
  startMongo,
  startRedis,
} from '@flashclaim/local-stack';
import { connectMongo } from '@flashclaim/store';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { type Certificate, makeCertificate } from './certificate.ts';
import type { TestStores } from './stores.ts';

const DATABASE = 'secure';

/** All that must be escaped in an address. */
export const PASSWORD = 'p@ss/w:rd?#%+ é,&=';

/** A user of Redis that may not publish or subscribe. */
export const WITHOUT_CHANNELS = 'without-channels';

/** The rights that docs/deploy.md names. */
const MONGO_ROLES = [
  { role: 'readWrite', db: DATABASE },
  { role: 'dbAdmin', db: DATABASE },
  { role: 'clusterMonitor', db: 'admin' },
];
const REDIS_RIGHTS =
  '~{flashclaim-* ~flashclaim:* resetchannels &flashclaim:* +@all -@admin -@dangerous +info +client|list +client|setname +client|setinfo';

/** A MongoDB and a Redis that accept only TLS, and only users with a password. */
export interface SecureStores extends TestStores {
  env: TestStores['env'] & { NODE_EXTRA_CA_CERTS: string };
  certificate: Certificate;
  /** A certificate that the apps do not trust. */
  otherCertificate: Certificate;
  mongoPort: number;
  /** The port of Redis with TLS. */
  redisPort: number;
  /** The commands of the apps that Redis denied. */
  deniedCommands(): Promise<string[]>;
}

export const openSecureStores = async (): Promise<SecureStores> => {
  const folder = await mkdtemp(join(tmpdir(), 'flashclaim-secure-'));
  const certificate = await makeCertificate(folder, 'trusted');
  const mongoServer = await startSecureMongo(folder, certificate);
  const redisServer = await startSecureRedis(folder, certificate);
  const user = `flashclaim:${encodeURIComponent(PASSWORD)}`;
  const { port: mongoPort } = mongoServer;
  const env = {
    MONGO_URI: `mongodb://${user}@127.0.0.1:${mongoPort}/?replicaSet=rs0&tls=true&tlsCAFile=${encodeURIComponent(certificate.caFile)}`,
    MONGO_DB: DATABASE,
    REDIS_URL: `rediss://${user}@127.0.0.1:${redisServer.tlsPort}`,
    // What signs the certificate of Redis. Node itself reads this variable.
    NODE_EXTRA_CA_CERTS: certificate.caFile,
  };
  const mongo = await connectMongo(env.MONGO_URI, DATABASE, {});
  return {
    env,
    mongo,
    redis: redisServer.admin,
    certificate,
    otherCertificate: await makeCertificate(folder, 'unknown'),
    mongoPort,
    redisPort: redisServer.tlsPort,
    deniedCommands: async () =>
      ((await redisServer.admin.call('ACL', 'LOG')) as string[][]).map((entry) => entry.join(' ')),
    close: async () => {
      await mongo.client.close();
      await Promise.all([mongoServer.stop(0), redisServer.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Creates the user while nobody needs a password, and starts the server again with passwords and TLS. */
const startSecureMongo = async (dataDir: string, { serverFile, caFile }: Certificate): Promise<ServerHandle> => {
  const binary = await findBinary(mongod, readEnv(), () => {});
  const open = await startMongo(binary, { dataDir });
  const client = new MongoClient(mongoUri(open.port));
  await client.db('admin').command({ createUser: 'flashclaim', pwd: PASSWORD, roles: MONGO_ROLES });
  await client.close();
  await open.stop();

  const keyFile = join(dataDir, 'members.key');
  await writeFile(keyFile, randomBytes(96).toString('base64'), { mode: 0o600 });
  return startMongo(binary, {
    dataDir,
    port: open.port,
    args: ['--keyFile', keyFile, '--tlsMode', 'requireTLS', '--tlsCertificateKeyFile', serverFile],
    prepare: async (port) => {
      const tls = { tls: true, tlsCAFile: caFile, directConnection: true, serverSelectionTimeoutMS: 2_000 };
      const prepared = new MongoClient(`mongodb://127.0.0.1:${port}`, tls);
      try {
        // The one command that needs no password.
        const { isWritablePrimary } = await prepared.db('admin').command({ hello: 1 });
        if (!isWritablePrimary) throw new Error('it is not yet the primary');
      } finally {
        await prepared.close();
      }
    },
  });
};

/** The Redis that tests download has no TLS, so a TLS server is in front of it. */
const startSecureRedis = async (dataDir: string, { cert, key }: Certificate) => {
  const server = await startRedis(await findBinary(redisServer, readEnv(), () => {}), { dataDir });
  const admin = new Redis(server.port);
  await admin.call('ACL', 'SETUSER', 'flashclaim', 'on', `>${PASSWORD}`, ...REDIS_RIGHTS.split(' '));
  const others = REDIS_RIGHTS.split(' ').filter((right) => !right.startsWith('&'));
  await admin.call('ACL', 'SETUSER', WITHOUT_CHANNELS, 'on', `>${PASSWORD}`, ...others);
  await admin.call('ACL', 'SETUSER', 'default', 'resetpass');
  const sockets = new Set<TLSSocket>();
  const front = createServer({ cert, key }, (caller) => {
    const behind = connect(server.port, '127.0.0.1');
    sockets.add(caller);
    caller.on('error', () => {}).on('close', () => behind.destroy());
    behind.on('error', () => {}).on('close', () => caller.destroy());
    caller.pipe(behind).pipe(caller);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    admin,
    tlsPort: (front.address() as AddressInfo).port,
    close: async () => {
      admin.disconnect();
      for (const socket of sockets) socket.destroy();
      front.close();
      await server.stop(0);
    },
  };
};
