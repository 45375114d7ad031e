import { readFile } from 'node:fs/promises';

/** The environment of a process whose garbage can be collected on demand. The process logs its debugger address. */
export const COLLECTABLE = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

/** Collects the garbage of all processes with a debugger address in this log, so that their heaps contain only used memory. */
export const collectGarbage = async (log: string): Promise<void> => {
  const addresses = (await readFile(log, 'utf8')).matchAll(/Debugger listening on (ws:\S+)/g);
  await Promise.all([...new Set([...addresses].map(([, url]) => url as string))].map(collect));
};

const collect = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.collectGarbage' }));
    socket.onerror = () => reject(new Error(`no debugger answers at ${url}`));
    socket.onmessage = ({ data }) => {
      if (JSON.parse(String(data)).id !== 1) return;
      socket.close();
      resolve();
    };
  });
