import { channel } from 'node:diagnostics_channel';

/**
 * A point that every claim or job passes, and where it may be observed: metrics and traces listen, and nothing depends on
 * them. Telling costs next to nothing where nobody listens.
 */
export interface Channel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  /** Called at once, in the turn of who tells: it must be quick, and an error in it ends the process. */
  subscribe(listener: (message: Message) => void): void;
  /** From now on the listener is not called any more. */
  unsubscribe(listener: (message: Message) => void): void;
}

/** A channel of Node's own `diagnostics_channel`: who tells and who listens need not know each other. */
export const createChannel = <Message>(word: string): Channel<Message> =>
  channel(`flashclaim:${word}`) as Channel<Message>;
