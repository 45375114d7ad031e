import { readFileSync, writeFileSync } from 'node:fs';
import { CLOCK_FILE, READ_EVERY_MS } from './process-clock.ts';

/**
 * Preloaded by a process whose wall clock is to be wrong: `Date.now()` and `new Date()` are off by as many ms as a file says,
 * and step whenever it changes. The monotonic clock and timers are left alone, as where somebody sets the clock of a machine.
 */
const file = process.env[CLOCK_FILE] as string;
const RealDate = Date;
// biome-ignore lint/plugin/wall-clock: this is the clock that is shifted.
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
