/** What a live page is told, frame by frame. Read so much of it as a test looks at. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into frames as a page does.
type Frame = any;

export interface LiveStream {
  /** The next frame; undefined where the API has ended the stream. */
  next(): Promise<Frame | undefined>;
  close(): Promise<void>;
}

/** Opens the stream of a live page. @throws Error where the API does not give it. */
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
