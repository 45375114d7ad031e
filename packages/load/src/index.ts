/** HTTP load against any server with the API of Flashclaim. It imports nothing of the product. */
export type { CountedResult } from './answer-counter.ts';
export { type Burst, sendBurst } from './burst.ts';
export { type HttpAnswer, type HttpRequest, HttpSender } from './http-sender.ts';
export { type PacedLoad, sendPaced } from './paced.ts';
export { percentile } from './percentile.ts';
