import { AnswerCounter, type CountedResult } from './answer-counter.ts';
import { Connection, claimRequest } from './connection.ts';

export interface PacedLoad {
  url: string;
  perSecond: number;
  seconds: number;
  /** Each claim is of a new user, on a random one of the coupons `<couponPrefix><1…coupons>`. */
  userPrefix: string;
  couponPrefix: string;
  coupons: number;
  /** Each claim on a new connection, like a new caller. */
  newConnections?: boolean;
}

/**
 * Claims at a fixed rate that does not depend on the answers. The time of a claim starts when it was due, so that a slow answer
 * does not hide the delay of later claims.
 */
export const sendPaced = async (load: PacedLoad): Promise<CountedResult> => {
  const { url, perSecond, seconds, userPrefix, couponPrefix, coupons, newConnections = false } = load;
  const { host, port } = new URL(url);
  const counter = new AnswerCounter();
  const free: Connection[] = [];
  const all: Connection[] = [];
  const counted: Promise<void>[] = [];

  const openConnection = (): Connection => {
    const connection = new Connection(Number(port));
    all.push(connection);
    return connection;
  };
  const claim = (number: number, due: number): void => {
    const connection = free.pop() ?? openConnection();
    const coupon = 1 + Math.floor(Math.random() * coupons);
    const answer = connection.send(claimRequest(host, `${userPrefix}${number}`, `${couponPrefix}${coupon}`));
    answer.then(
      () => (newConnections ? connection.close() : free.push(connection)),
      () => {},
    );
    counted.push(counter.count(answer, due));
  };

  const start = performance.now();
  const total = Math.round(perSecond * seconds);
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond));
      while (counted.length < due) claim(counted.length, start + (counted.length / perSecond) * 1000);
      if (due < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(counted);
  const result = counter.result();
  for (const connection of all) connection.close();
  return result;
};
