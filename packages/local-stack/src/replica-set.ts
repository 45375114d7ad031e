import { type Db, MongoClient, MongoServerError } from 'mongodb';

export const REPLICA_SET = 'rs0';

const NOT_YET_INITIALIZED = 94;

/** Timeout of one attempt; the caller retries. */
const ATTEMPT_MAX_MS = 2_000;

/** After this time without a primary, the members elect one. MongoDB's default is 10 s. */
const ELECTION_MS = 2_000;

interface Configuration {
  version: number;
  members: { host: string }[];
}

/**
 * Makes the server with this process id the primary of a replica set of one. Rejects if it is not the primary yet.
 * The server may be new, or have data from a run on another port.
 */
export const prepareReplicaSet = (port: number, pid: number): Promise<void> =>
  withAdmin(port, pid, async (admin) => {
    await configure(admin, `127.0.0.1:${port}`);
    const { isWritablePrimary } = await admin.command({ hello: 1 });
    if (!isWritablePrimary) throw new Error('it is not yet the primary of its replica set');
  });

/** Checks that a server answers, whatever its state in the replica set. */
export const prepareMember = (port: number, pid: number): Promise<void> => withAdmin(port, pid, async () => {});

/** Creates a replica set from new servers. */
export const initiateReplicaSet = (ports: readonly number[], pid: number): Promise<void> =>
  withAdmin(ports[0] as number, pid, async (admin) => {
    const members = ports.map((port, _id) => ({ _id, host: `127.0.0.1:${port}` }));
    const settings = { electionTimeoutMillis: ELECTION_MS, heartbeatIntervalMillis: ELECTION_MS / 4 };
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members, settings } });
  });

const withAdmin = async (port: number, pid: number, then: (admin: Db) => Promise<void>): Promise<void> => {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: ATTEMPT_MAX_MS,
    socketTimeoutMS: ATTEMPT_MAX_MS,
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
    // The set has only the former port, so there is no primary, and the change needs force.
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
