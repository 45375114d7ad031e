import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Reply } from './call-api.ts';

/** A socket on which a test writes any bytes, and reads the answers in order. */
export class RawConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  #over = false;
  /** Resolves once the server has closed its side, or reset the connection. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#over = true;
      resolve();
      this.#wake();
    };
    // A server that rejects a request before its end resets the connection; the answer before that counts.
    socket.on('error', end).on('end', end).on('close', end);
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    const connection = new RawConnection(socket);
    await once(socket, 'connect');
    return connection;
  }

  /** Sends all parts in one write: in one TCP segment if they fit. */
  send(...parts: (string | Uint8Array)[]): void {
    this.#socket.write(Buffer.concat(parts.map((part) => Buffer.from(part))));
  }

  /** Closes the sending side. Answers can still be read. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Closes the connection, as a closed page does. */
  hangUp(): void {
    this.#socket.destroy();
  }

  /** Resets the connection, as a failed machine does. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /**
   * Resolves to the next answer; `100 Continue` counts as one.
   * @param method of its request: the answer to HEAD has a length but no body.
   * @throws Error if the connection ends without one.
   */
  async nextReply(method = 'GET'): Promise<Reply> {
    for (;;) {
      const found = takeReply(this.#received, method);
      if (found) {
        this.#received = found.rest;
        return found.reply;
      }
      if (this.#over) throw new Error(`the connection ended without an answer, after ${JSON.stringify(this.rest)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The received bytes that were not read as an answer. */
  get rest(): string {
    return this.#received.toString('latin1');
  }
}

const END_OF_HEAD = '\r\n\r\n';

/** The first answer in these bytes, and the bytes after it; undefined if it is not complete. */
const takeReply = (bytes: Buffer, method: string): { reply: Reply; rest: Buffer } | undefined => {
  const headEnd = bytes.indexOf(END_OF_HEAD);
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
  const bodyless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const start = headEnd + END_OF_HEAD.length;
  const end = start + (bodyless ? 0 : Number(headers.get('content-length')));
  if (bytes.length < end) return undefined;
  const text = bytes.toString('utf8', start, end);
  return { reply: { status, headers, body: text ? JSON.parse(text) : undefined }, rest: bytes.subarray(end) };
};

/** Sends these bytes on a new connection and resolves to the first answer. */
export const exchange = async (url: string, ...parts: (string | Uint8Array)[]): Promise<Reply> => {
  const connection = await RawConnection.open(url);
  connection.send(...parts);
  try {
    return await connection.nextReply(String(parts[0]).split(' ', 1)[0]);
  } finally {
    connection.hangUp();
  }
};

/** A request from its first line and its header lines; adds Host. */
export const rawRequest = (line: string, ...headers: string[]): string =>
  [line, 'Host: localhost', ...headers]
    .map((text) => `${text}\r\n`)
    .join('')
    .concat('\r\n');

/** A POST of exactly these bytes, with their length. */
export const rawPost = (path: string, body: string | Uint8Array, ...headers: string[]): Buffer => {
  const bytes = Buffer.from(body);
  const type = headers.some((header) => /^content-type:/i.test(header)) ? [] : ['Content-Type: application/json'];
  return Buffer.concat([
    Buffer.from(rawRequest(`POST ${path} HTTP/1.1`, ...type, ...headers, `Content-Length: ${bytes.length}`), 'latin1'),
    bytes,
  ]);
};
