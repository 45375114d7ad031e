import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Opens live pages as a browser does, and discards what they receive. Resolves once each page has received something. */
export const openLivePages = async (url: string, count: number): Promise<{ close(): void }> => {
  const { hostname, port, host } = new URL(url);
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(port), hostname);
    socket.write(`GET /live/events HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
    const [head] = await once(socket, 'data');
    if (!String(head).startsWith('HTTP/1.1 200'))
      throw new Error(`a live page was answered ${String(head).slice(0, 12)}`);
    socket.on('data', () => {});
    return socket;
  };
  const sockets = await Promise.all(Array.from({ length: count }, open));
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
};
