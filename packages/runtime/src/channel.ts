import { channel } from 'node:diagnostics_channel';

/**
 * A diagnostics channel for claims or jobs. Metrics and traces subscribe, and nothing else depends on it. Publishing costs almost
 * nothing without subscribers.
 */
export interface Channel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  /** `publish` calls the listener synchronously. It must be quick, and an error in it ends the process. */
  subscribe(listener: (message: Message) => void): void;
  unsubscribe(listener: (message: Message) => void): void;
}

/** A typed channel of Node's `diagnostics_channel`. */
export const createChannel = <Message>(name: string): Channel<Message> =>
  channel(`flashclaim:${name}`) as Channel<Message>;
