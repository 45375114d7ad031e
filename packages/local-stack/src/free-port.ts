import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take ports for outgoing connections. In that range a client that keeps trying to
 * reach a stopped server on loopback may be given the server's own port, connect to itself and keep the port taken.
 */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;

/** A node of a Redis Cluster listens on a second port, so far above the first. */
const CLUSTER_BUS_OFFSET = 10_000;

const TRIES_MAX = 100;

/** Whether a server could listen there now. */
export const isPortFree = async (port: number, host: string): Promise<boolean> => {
  const server = createServer();
  try {
    server.listen({ port, host });
    await once(server, 'listening');
    return true;
  } catch (error) {
    // Any other fault (no such address, no permission) is for the server itself to report.
    return (error as NodeJS.ErrnoException).code !== 'EADDRINUSE';
  } finally {
    server.close();
  }
};

/** A port on loopback that nobody listens on. It is not reserved: whoever asked must cope with losing it. */
export const findFreePort = (): Promise<number> => findPort(PORT_MAX, (port) => isPortFree(port, '127.0.0.1'));

/** The same for a node of a Redis Cluster: its second port is free, too, and below that range as well. */
export const findClusterPort = (): Promise<number> =>
  findPort(
    PORT_MAX - CLUSTER_BUS_OFFSET,
    async (port) => (await isPortFree(port, '127.0.0.1')) && (await isPortFree(port + CLUSTER_BUS_OFFSET, '127.0.0.1')),
  );

const findPort = async (max: number, isFree: (port: number) => Promise<boolean>): Promise<number> => {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (max - PORT_MIN));
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port found between ${PORT_MIN} and ${max} after ${TRIES_MAX} tries.`);
};
