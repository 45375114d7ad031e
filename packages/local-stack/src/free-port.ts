import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range of ports for outgoing connections. In that range a client that reconnects to a stopped server on loopback
 * may get the server's own port, connect to itself, and keep the port.
 */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;

/** A node of a Redis Cluster listens on a second port, this far above the first. */
const CLUSTER_BUS_OFFSET = 10_000;

const TRIES_MAX = 100;

/** Whether a server could listen on the port now. */
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

/** A free port on loopback. It is not reserved: another process may take it before the caller does. */
export const findFreePort = (): Promise<number> => findPort(PORT_MAX, (port) => isPortFree(port, '127.0.0.1'));

/** A free port for a node of a Redis Cluster: its second port is free too, and below that range. */
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
