/** Nothing for so long, and the numbers are old: they come three times a second. */
const SILENT_MS = 3_000;
const RETRY_MS = 1_500;

/**
 * Keeps the stream of numbers open. The browser tries again by itself where a connection breaks, but not after an answer that
 * is an error, as a stopping API gives it. A page that nobody sees has no connection.
 */
export const connect = ({ onState, onConnection }) => {
  let source;
  let heardAt = 0;
  let retry;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    source = new EventSource('/live/events');
    source.onmessage = ({ data }) => {
      heardAt = Date.now();
      onConnection('live');
      onState(JSON.parse(data));
    };
    source.onerror = () => {
      onConnection('away');
      close();
      retry = setTimeout(open, RETRY_MS);
    };
  };

  setInterval(() => {
    if (source && heardAt > 0 && Date.now() - heardAt > SILENT_MS) onConnection('away');
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
