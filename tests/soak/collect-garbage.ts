import { readFile } from 'node:fs/promises';

/** In the environment of a process whose garbage is to be collected on demand. It says then where it listens, on loopback. */
export const COLLECTABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Collects all garbage of the processes that said so in this log: what is left of their heaps is what they keep. */
export const collectGarbage = async (log: string): Promise<void> => {
  const said = (await readFile(log, 'utf8')).matchAll(/Debugger listening on (ws:\S+)/g);
  await Promise.all([...new Set([...said].map(([, url]) => url as string))].map(collect));
};

const collect = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }));
    socket.onerror = () => reject(new Error(`nobody collects garbage at ${url}`));
    socket.onmessage = ({ data }) => {
      if (JSON.parse(String(data)).id !== 1) return;
      socket.close();
      resolve();
    };
  });
