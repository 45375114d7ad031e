import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface CuttingProxy {
  url: string;
  /** The number of answers that the API sent and no caller got completely. */
  answersLost(): number;
  close(): Promise<void>;
}

/**
 * A proxy that cuts the connection at every third piece of data, in either direction. It cuts a request before the API gets
 * it, and an answer before its first byte or in the middle.
 */
export const startCuttingProxy = async (target: string): Promise<CuttingProxy> => {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let pieces = 0;
  let answersLost = 0;
  const isCut = () => pieces++ % 3 === 0;
  const server = createServer((caller) => {
    const api = connect(Number(port), hostname);
    const cut = () => {
      caller.destroy();
      api.destroy();
    };
    for (const socket of [caller, api]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    caller.on('data', (request) => {
      if (isCut()) cut();
      else api.write(request);
    });
    api.on('data', (answer) => {
      if (!isCut()) return void caller.write(answer);
      answersLost++;
      if (answersLost % 2 === 0) cut();
      else caller.write(answer.subarray(0, answer.length / 2), cut);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answersLost: () => answersLost,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};
