/** A burst: many users at once, each with its own connection and one claim. Its argument is a Burst as JSON. */
import type { Burst } from './burst.ts';
import { Connection, claimRequest } from './connection.ts';
import { Counting } from './own-result.ts';
import { reportResult } from './run-client.ts';

const { url, users, userPrefix, couponName } = JSON.parse(process.argv[2] ?? '') as Burst;
const { host, port } = new URL(url);

const counting = new Counting();
const start = performance.now();
const open = Array.from({ length: users }, (_, index) => {
  const connection = new Connection(Number(port));
  const answer = connection.send(claimRequest(host, `${userPrefix}${index}`, couponName));
  return { connection, counted: counting.count(answer, start) };
});
await Promise.all(open.map(({ counted }) => counted));
const result = counting.result();
for (const { connection } of open) connection.close();
reportResult(result);
