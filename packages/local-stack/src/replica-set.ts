import { type Db, MongoClient, MongoServerError } from 'mongodb';

export const REPLICA_SET = 'rs0';

const NOT_YET_INITIALIZED = 94;

/** One look at a server is done within this time, or is tried again. */
const LOOK_MAX_MS = 2_000;

/** Without a primary for so long, the others elect one; MongoDB's own default is 10 s. */
const ELECTION_MS = 2_000;

interface Configuration {
  version: number;
  members: { host: string }[];
}

/**
 * Makes a server, known by its process id, the primary of a replica set of one, or throws where it is not that yet.
 * It may be new, or have data from a run on another port.
 */
export const prepareReplicaSet = (port: number, pid: number): Promise<void> =>
  look(port, pid, async (admin) => {
    await configure(admin, `127.0.0.1:${port}`);
    const { isWritablePrimary } = await admin.command({ hello: 1 });
    if (!isWritablePrimary) throw new Error('it is not yet the primary of its replica set');
  });

/** Makes sure that a server answers, whatever it is in its replica set. */
export const prepareMember = (port: number, pid: number): Promise<void> => look(port, pid, async () => {});

/** Makes one replica set of servers that have none yet. */
export const initiateReplicaSet = (ports: readonly number[], pid: number): Promise<void> =>
  look(ports[0] as number, pid, async (admin) => {
    const members = ports.map((port, _id) => ({ _id, host: `127.0.0.1:${port}` }));
    const settings = { electionTimeoutMillis: ELECTION_MS, heartbeatIntervalMillis: ELECTION_MS / 4 };
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members, settings } });
  });

const look = async (port: number, pid: number, then: (admin: Db) => Promise<void>): Promise<void> => {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: LOOK_MAX_MS,
    socketTimeoutMS: LOOK_MAX_MS,
  });
  try {
    const admin = client.db('admin');
    const status = await admin.command({ serverStatus: 1 });
    if (status['pid'] !== pid) throw new Error(`another MongoDB listens on port ${port}`);
    await then(admin);
  } finally {
    await client.close();
  }
};

const configure = async (admin: Db, host: string): Promise<void> => {
  const config = await readConfiguration(admin);
  const [member] = config?.members ?? [];
  if (!config || !member) {
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members: [{ _id: 0, host }] } });
  } else if (member.host !== host) {
    // The server does not find itself in the set of its former port, so no primary could change it without force.
    const moved = { ...config, version: config.version + 1, members: [{ ...member, host }] };
    await admin.command({ replSetReconfig: moved, force: true });
  }
};

const readConfiguration = async (admin: Db): Promise<Configuration | undefined> => {
  try {
    return (await admin.command({ replSetGetConfig: 1 }))['config'] as Configuration;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NOT_YET_INITIALIZED) return undefined;
    throw error;
  }
};
