import { Counter, type Registry } from 'prom-client';
import { problemsAnswered } from '../http/problem.ts';

/** Counts the problems that this process answered, of all calls. */
export const observeProblems = (registry: Registry): void => {
  new Counter({
    name: 'flashclaim_problems_total',
    help: 'Problems that this process answered, by code, of all calls.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [code, count] of Object.entries(problemsAnswered)) this.inc({ code }, count);
    },
  });
};
