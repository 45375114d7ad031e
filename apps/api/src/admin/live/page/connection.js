const EVENTS = '/live/events';

/** A connection without a frame for this long counts as dead: three frames arrive each second. */
const SILENT_MS = 3_000;
/** The first frame may take longer, over a slow network. */
const FIRST_MS = 5_000;
const RETRY_MS = 1_500;
/** Less than RETRY_MS, so that the reason is known before the page tries again. */
const REASON_MS = 1_000;

/**
 * Keeps the stream of frames open. The browser itself retries where a connection breaks, but not after an error answer, and not
 * where a connection is dead without being closed. A hidden page has no connection.
 */
export const connect = ({ onState, onConnection }) => {
  let source;
  let expectedBy = 0;
  let retry;

  const expectWithin = (milliseconds) => {
    expectedBy = performance.now() + milliseconds;
  };
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    const opened = new EventSource(EVENTS);
    source = opened;
    expectWithin(FIRST_MS);
    opened.onmessage = ({ data }) => {
      expectWithin(SILENT_MS);
      onConnection('live');
      onState(JSON.parse(data));
    };
    opened.onerror = () => void tryAgain(opened.readyState === EventSource.CLOSED);
  };
  const tryAgain = async (isRejected) => {
    close();
    retry = setTimeout(open, RETRY_MS);
    const { text, isFinal } = isRejected ? await findReason() : {};
    if (source) return;
    onConnection('disconnected', text);
    if (isFinal) clearTimeout(retry);
  };

  setInterval(() => {
    if (!source || performance.now() < expectedBy) return;
    onConnection('disconnected');
    open();
  }, 1_000);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  // A page that is left must not keep its connection until it is garbage-collected.
  addEventListener('pagehide', close);
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) open();
  });
  open();
};

/** Why there is no stream. EventSource does not show the answer, so this requests the stream once more. */
const findReason = async () => {
  try {
    const response = await fetch(EVENTS, { signal: AbortSignal.timeout(REASON_MS) });
    if (response.ok) {
      await response.body.cancel();
      return {};
    }
    // Each retry would make the browser ask for the password.
    if (response.status === 401) return { text: 'Access denied. Reload the page', isFinal: true };
    const { code } = await response.json();
    return code === 'overloaded' ? { text: 'Too many live pages. Trying again' } : {};
  } catch {
    return {};
  }
};
