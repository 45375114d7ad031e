import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { LivePages } from '@flashclaim/api';
import { LIVE_PAGE_BUFFER_MAX_BYTES, LIVE_PAGES_MAX } from '@flashclaim/core';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';

const HEADERS = { 'content-type': 'text/event-stream', connection: 'close' };

/** Pages behind a real server, each with the socket of who reads it. */
const openPages = async (count: number) => {
  const called: string[] = [];
  const pages = new LivePages({ onFirst: () => called.push('first'), onLast: () => called.push('last') });
  const responses: ServerResponse[] = [];
  const server = createServer((_, response) => {
    responses.push(response);
    pages.open(response, HEADERS);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    sockets.push(socket);
  }
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await until(async () => pages.count === count);
  return { pages, called, responses, sockets };
};

test('a page that reads slowly misses frames, delays no other page, and receives all once it reads', async () => {
  const { pages, responses, sockets } = await openPages(1);
  const [socket] = sockets as [Socket];
  const [response] = responses as [ServerResponse];
  socket.pause();
  const frame = 'x'.repeat(LIVE_PAGE_BUFFER_MAX_BYTES / 2);
  pages.send(frame, () => 'all');
  // More than the system keeps for a connection.
  for (let i = 0; i < 500; i++) {
    pages.send(frame, () => 'all');
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(response.writableLength).toBeGreaterThan(LIVE_PAGE_BUFFER_MAX_BYTES);
  expect(response.writableLength).toBeLessThan(3 * LIVE_PAGE_BUFFER_MAX_BYTES);

  let text = '';
  socket.setEncoding('utf8').on('data', (part) => {
    text = (text + part).slice(-200);
  });
  socket.resume();
  await until(async () => response.writableLength === 0);
  pages.send('news', () => 'all again');
  pages.send('news', () => 'all');
  await until(async () => text.includes('data: all again') && text.includes('data: news'));
});

test('an end waits for nobody who does not read', async () => {
  const { pages, sockets, responses } = await openPages(1);
  sockets[0]?.pause();
  const frame = 'x'.repeat(LIVE_PAGE_BUFFER_MAX_BYTES);
  await until(async () => {
    pages.send(frame, () => frame);
    return (responses[0]?.writableLength ?? 0) > LIVE_PAGE_BUFFER_MAX_BYTES;
  });
  pages.close();
  await until(async () => pages.count === 0);
});

test('there is an end to the number of pages', async () => {
  const { pages } = await openPages(LIVE_PAGES_MAX - 1);
  expect(pages.isFull).toBe(false);
  const more = await openPages(LIVE_PAGES_MAX);
  expect(more.pages.isFull).toBe(true);
});

test('the first page begins the reading, the last one ends it, and an end closes all', async () => {
  const { pages, called, sockets } = await openPages(3);
  expect(called).toEqual(['first']);
  sockets[0]?.destroy();
  await until(async () => pages.count === 2);
  expect(called).toEqual(['first']);
  pages.close();
  await until(async () => pages.count === 0);
  expect(called).toEqual(['first', 'last']);
});
