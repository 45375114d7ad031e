import type { ServerResponse } from 'node:http';

/** Closes the connection of a response where bytes wait to be sent, and the caller has taken none of them for this time. */
export const endWhenStalled = (response: ServerResponse, stallMs: number): void => {
  response.setTimeout(stallMs, () => {
    if (response.writableLength > 0) response.destroy();
    // Nothing waits for the caller: the next bytes are not ready yet.
    else response.setTimeout(stallMs);
  });
};
