import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The direction in which a link drops bytes silently, as a firewall does. */
type Loses = 'nothing' | 'to the store' | 'from the store' | 'everything';

/** A TCP proxy before a server that can drop bytes, reset connections and change its target. */
export interface FaultyLink {
  port: number;
  /** Drops bytes from now on, also on open connections. Dropped bytes are not sent later. */
  lose(what: Loses): void;
  /** Drops all bytes of open connections for ever; new connections work. */
  forget(): void;
  /** Sends new connections to another port, as an address that moves does; open connections keep their server. */
  turnTo(port: number): void;
  /** Resets every connection. */
  reset(): void;
  close(): Promise<void>;
}

/** Listens on loopback and forwards everything to the port `target` there. */
export const openFaultyLink = async (target: number): Promise<FaultyLink> => {
  let port = target;
  const sockets = new Set<Socket>();
  const forgotten = new WeakSet<Socket>();
  let loses: Loses = 'nothing';
  const forward = (from: Socket, to: Socket, loss: Loses) => {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (!forgotten.has(from) && loses !== loss && loses !== 'everything') to.write(bytes);
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    forward(near, far, 'to the store');
    forward(far, near, 'from the store');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    lose: (what) => {
      loses = what;
    },
    forget: () => {
      for (const socket of sockets) forgotten.add(socket);
    },
    turnTo: (other) => {
      port = other;
    },
    reset,
    close: async () => {
      server.close();
      reset();
    },
  };
};
