import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy before a server, which can be disconnected. */
export interface TcpProxy {
  port: number;
  /**
   * Refuses new connections. Callers keep their open connections but get nothing more, not even the end; `reconnect` does not
   * repair those.
   */
  disconnect(): Promise<void>;
  /** Accepts new connections again, on the same port. */
  reconnect(): Promise<void>;
  close(): void;
}

/** Opens a proxy on loopback that forwards everything to the port `target` and back. */
export const openTcpProxy = async (target: number): Promise<TcpProxy> => {
  const callers = new Set<Socket>();
  const servers = new Set<Socket>();
  const add = (sockets: Set<Socket>, socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const listener = createServer((caller) => {
    const server = connect(target, '127.0.0.1');
    add(callers, caller);
    add(servers, server);
    const closeCaller = () => caller.destroy();
    server.on('close', closeCaller);
    caller.on('disconnected', () => server.off('close', closeCaller)).on('close', () => server.destroy());
    caller.pipe(server).pipe(caller);
  });
  const listen = async (port: number) => {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
  };
  await listen(0);
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    disconnect: async () => {
      listener.close();
      for (const caller of callers) {
        caller.emit('disconnected');
        caller.unpipe().resume();
      }
      for (const server of servers) server.unpipe().destroy();
    },
    reconnect: () => listen(port),
    close: () => {
      listener.close();
      for (const socket of [...callers, ...servers]) socket.destroy();
    },
  };
};
