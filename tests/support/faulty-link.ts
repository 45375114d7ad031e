import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Which bytes a link loses without a word, as a firewall does. */
type Loses = 'nothing' | 'to the store' | 'from the store' | 'everything';

/** A TCP connection to a store, for one process, that can be cut. */
export interface FaultyLink {
  port: number;
  /** From now on, also of connections that are open. What is lost is lost for good. */
  lose(what: Loses): void;
  /** Connections that are open get lost without a word, for ever; new ones are as good as ever. */
  forget(): void;
  /** New connections go to another port from now on, as behind an address that moves; open ones stay where they are. */
  turnTo(port: number): void;
  /** Ends every connection at once, with a reset. */
  reset(): void;
  close(): Promise<void>;
}

/** Listens on loopback and passes everything on to `target` there. */
export const openFaultyLink = async (target: number): Promise<FaultyLink> => {
  let port = target;
  const sockets = new Set<Socket>();
  const forgotten = new WeakSet<Socket>();
  let loses: Loses = 'nothing';
  const pass = (from: Socket, to: Socket, loss: Loses) => {
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
    pass(near, far, 'to the store');
    pass(far, near, 'from the store');
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
