import { readFileSync, writeFileSync } from 'node:fs';
import { CLOCK_FILE, READ_EVERY_MS } from './process-clock.ts';

/**
 * Preloaded by a process with a wrong wall clock: the file says by how many ms `Date.now()` and `new Date()` are off, and the
 * clock steps when the file changes. The monotonic clock and timers are not changed, as when the clock of a machine is set.
 */
const file = process.env[CLOCK_FILE] as string;
const RealDate = Date;
// biome-ignore lint/plugin/wall-clock: this is the clock to shift.
const realNow = Date.now;
let offsetMs = 0;
const now = (): number => realNow() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length > 0 ? args : [now()], newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
});

const read = (): void => {
  const wanted = readFileSync(file, 'utf8');
  if (wanted === '' || Number(wanted) === offsetMs) return;
  offsetMs = Number(wanted);
  writeFileSync(`${file}.applied`, wanted);
};
read();
setInterval(read, READ_EVERY_MS).unref();
