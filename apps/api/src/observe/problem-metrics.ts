import { Counter, type Registry } from 'prom-client';
import { problemsAnswered } from '../http/problem.ts';

/** Tells how often this process answered each problem, whatever the call. */
export const observeProblems = (registry: Registry): void => {
  new Counter({
    name: 'flashclaim_problems_total',
    help: 'Answers that were a problem, by its code, of all calls.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, count] of Object.entries(problemsAnswered)) this.inc({ code }, count);
    },
  });
};
