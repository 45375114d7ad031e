import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Reply } from './caller.ts';

/** Sends these bytes over a connection of their own, and reads all that comes until the other side closes it. */
export const callRaw = async (url: string, bytes: string): Promise<string> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  return text(socket);
};

/** Reads one answer out of what came over a connection. Its body is JSON. */
export const parseReply = (received: string): Reply => {
  const [head = '', body = ''] = received.split(/\r\n\r\n(.*)/s);
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  return { status: Number(first.split(' ')[1]), headers, body: body && JSON.parse(body) };
};
