import { AnswerCounter, type CountedResult } from './answer-counter.ts';
import { Connection, claimRequest } from './connection.ts';

export interface Burst {
  url: string;
  users: number;
  userPrefix: string;
  couponName: string;
}

/** Many users at once, each with a connection and one claim. Resolves when every user has an answer or an error. */
export const sendBurst = async ({ url, users, userPrefix, couponName }: Burst): Promise<CountedResult> => {
  const { host, port } = new URL(url);
  const counter = new AnswerCounter();
  const start = performance.now();
  const open = Array.from({ length: users }, (_, index) => {
    const connection = new Connection(Number(port));
    const answer = connection.send(claimRequest(host, `${userPrefix}${index}`, couponName));
    return { connection, counted: counter.count(answer, start) };
  });
  await Promise.all(open.map(({ counted }) => counted));
  const result = counter.result();
  for (const { connection } of open) connection.close();
  return result;
};
