import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

type Direction = 'to the server' | 'from the server';

/** The direction in which a proxy drops bytes silently, as a firewall does. */
type Loses = 'nothing' | 'everything' | Direction;

export interface TcpProxyOptions {
  /** Takes each piece of data on its way. Returns what is forwarded of it; cuts the connections afterwards if it returns `cut`. */
  pass?: (bytes: Buffer, direction: Direction) => { bytes: Buffer; cut: boolean };
}

/** A TCP proxy before a server. It can drop bytes, reset or cut connections, refuse new ones and change its target. */
export interface TcpProxy {
  port: number;
  /** Drops bytes from now on, also on open connections. Dropped bytes are not sent later. */
  lose(what: Loses): void;
  /** Drops all bytes of open connections for ever; new connections work. */
  forget(): void;
  /** Sends new connections to another port, as an address that moves does; open connections keep their server. */
  turnTo(port: number): void;
  /** Resets every connection. */
  reset(): void;
  /**
   * Refuses new connections. Callers keep their open connections but get nothing more, not even the end; `reconnect` does not
   * repair those.
   */
  disconnect(): Promise<void>;
  /** Accepts new connections again, on the same port. */
  reconnect(): Promise<void>;
  close(): void;
}

/** Listens on loopback and forwards everything to the port `target` there, and back. */
export const openTcpProxy = async (target: number, { pass }: TcpProxyOptions = {}): Promise<TcpProxy> => {
  let serverPort = target;
  let loses: Loses = 'nothing';
  const callers = new Set<Socket>();
  const servers = new Set<Socket>();
  /** Their bytes are dropped. */
  const forgotten = new WeakSet<Socket>();
  /** They are not closed with the other side. */
  const abandoned = new WeakSet<Socket>();

  const forward = (from: Socket, to: Socket, direction: Direction, sockets: Set<Socket>) => {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (forgotten.has(from) || loses === direction || loses === 'everything') return;
      const passed = pass?.(bytes, direction) ?? { bytes, cut: false };
      const cut = () => {
        from.destroy();
        to.destroy();
      };
      if (passed.bytes.length > 0) to.write(passed.bytes, passed.cut ? cut : undefined);
      else if (passed.cut) cut();
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      if (!abandoned.has(to)) to.destroy();
    });
  };
  const listener = createServer((caller) => {
    const server = connect(serverPort, '127.0.0.1');
    forward(caller, server, 'to the server', callers);
    forward(server, caller, 'from the server', servers);
  });
  const listen = async (port: number) => {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  };
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  const forget = () => {
    for (const socket of [...callers, ...servers]) forgotten.add(socket);
  };
  return {
    port,
    lose: (what) => {
      loses = what;
    },
    forget,
    turnTo: (other) => {
      serverPort = other;
    },
    reset: () => {
      for (const socket of [...callers, ...servers]) socket.resetAndDestroy();
    },
    disconnect: async () => {
      listener.close();
      forget();
      for (const caller of callers) abandoned.add(caller);
      for (const server of servers) server.destroy();
    },
    reconnect: () => listen(port),
    close: () => {
      listener.close();
      for (const socket of [...callers, ...servers]) socket.destroy();
    },
  };
};
