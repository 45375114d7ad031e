import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The way to a server, which can be unplugged. */
export interface Cable {
  port: number;
  /** From now on nobody can connect, and connections of before are dead without a word: not even `plug` brings them back. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  close(): void;
}

/** A port on loopback from which everything goes to another, and back. */
export const openCable = async (target: number): Promise<Cable> => {
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
    const hangUp = () => caller.destroy();
    server.on('close', hangUp);
    caller.on('unplugged', () => server.off('close', hangUp)).on('close', () => server.destroy());
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
    unplug: async () => {
      listener.close();
      for (const caller of callers) {
        caller.emit('unplugged');
        caller.unpipe().resume();
      }
      for (const server of servers) server.unpipe().destroy();
    },
    plug: () => listen(port),
    close: () => {
      listener.close();
      for (const socket of [...callers, ...servers]) socket.destroy();
    },
  };
};
