const EVENTS = '/live/events';

/** Nothing for so long, and the connection is taken for dead: the numbers come three times a second. */
const SILENT_MS = 3_000;
/** The first ones may take longer, over a slow network. */
const FIRST_MS = 5_000;
const RETRY_MS = 1_500;
/** Shorter than that, so that the reason is known before the page tries again. */
const REASON_MS = 1_000;

/**
 * Keeps the stream of numbers open. The browser tries again by itself where a connection breaks, but not after an answer that
 * is an error, nor where a connection is dead and nobody says so. A page that nobody sees has no connection.
 */
export const connect = ({ onState, onConnection }) => {
  let source;
  let silentAt = 0;
  let retry;

  const hearWithin = (milliseconds) => {
    silentAt = performance.now() + milliseconds;
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
    hearWithin(FIRST_MS);
    opened.onmessage = ({ data }) => {
      hearWithin(SILENT_MS);
      onConnection('live');
      onState(JSON.parse(data));
    };
    opened.onerror = () => void tryAgain(opened.readyState === EventSource.CLOSED);
  };
  const tryAgain = async (isRefused) => {
    close();
    retry = setTimeout(open, RETRY_MS);
    const { text, isFinal } = isRefused ? await askWhy() : {};
    if (source) return;
    onConnection('disconnected', text);
    if (isFinal) clearTimeout(retry);
  };

  setInterval(() => {
    if (!source || performance.now() < silentAt) return;
    onConnection('disconnected');
    open();
  }, 1_000);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) close();
    else if (!source) open();
  });
  // A page that is left must not hold its connection until it is collected.
  addEventListener('pagehide', close);
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) open();
  });
  open();
};

/** Why there is no stream. The browser does not tell what it was answered, so it is asked for once more. */
const askWhy = async () => {
  try {
    const response = await fetch(EVENTS, { signal: AbortSignal.timeout(REASON_MS) });
    if (response.ok) {
      await response.body.cancel();
      return {};
    }
    // Trying on would only ask for the password again and again.
    if (response.status === 401) return { text: 'Not let in any more. Reload the page', isFinal: true };
    const { code } = await response.json();
    return code === 'overloaded' ? { text: 'Too many live pages. Trying again' } : {};
  } catch {
    return {};
  }
};
