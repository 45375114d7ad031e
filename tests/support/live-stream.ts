/** A frame of the live page's stream. Tests read only some of its fields. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads frames as a page does.
type Frame = any;

export interface LiveStream {
  /** Resolves to the next frame, or to undefined if the API has ended the stream. */
  next(): Promise<Frame | undefined>;
  close(): Promise<void>;
}

/** Opens the stream of a live page. @throws Error if the API does not answer with a stream. */
export const openStream = async (url: string, headers: Record<string, string> = {}): Promise<LiveStream> => {
  const response = await fetch(`${url}/live/events`, { headers });
  if (!response.ok || !response.body) throw new Error(`the stream was answered ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    next: async () => {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          if (event.startsWith('data: ')) return JSON.parse(event.slice('data: '.length));
          continue;
        }
        const { value, done } = await reader.read();
        if (done) return undefined;
        text += value;
      }
    },
    close: () => reader.cancel(),
  };
};
