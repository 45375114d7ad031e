import { connect, type Socket } from 'node:net';

/** The HTTP request of a claim. */
export const claimRequest = (host: string, userId: string, couponName: string): string => {
  const body = JSON.stringify({ user_id: userId, coupon_name: couponName });
  return (
    `POST /api/coupons/claim HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
};

/**
 * One keep-alive connection, one request at a time. It parses only as much HTTP as these answers need, because ten thousand
 * connections must not cost more than the measured server.
 */
export class Connection {
  readonly #socket: Socket;
  #received = '';
  #waiting: PromiseWithResolvers<number> | undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => this.#receive(String(text)));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('closed without an answer')));
  }

  /** Resolves to the status of the answer. */
  send(request: string): Promise<number> {
    this.#waiting = Promise.withResolvers();
    this.#socket.write(request);
    return this.#waiting.promise;
  }

  /** Resets the connection; otherwise thousands of ports would be reserved for a minute. */
  close(): void {
    this.#socket.resetAndDestroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1] ?? 0);
    if (this.#received.length < headEnd + 4 + length) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = '';
    this.#waiting?.resolve(status);
    this.#waiting = undefined;
  }
}
