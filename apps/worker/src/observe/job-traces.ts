import { type Claim, SPAN_LINKS_MAX } from '@flashclaim/core';
import { startTracing, traceOfLine } from '@flashclaim/runtime/tracing';
import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type { Job, Worker } from 'bullmq';
import { channels } from '../channels.ts';

export { traceOfLine };

/**
 * Traces the path of jobs through this process. Spans: `lane` and `decide and commit` for each job, below the span that
 * dispatched it, and `commit` for each transaction, below one of its jobs and linked with the others. This module is loaded
 * only if tracing is on.
 * @returns a function that traces one lane, and a function that ends tracing.
 */
export const traceJobs = (): { traceLane: (lane: Worker) => void; endTraces: () => Promise<void> } => {
  const endTracing = startTracing('flashclaim-worker');
  const tracer = trace.getTracer('flashclaim');
  /** The span of the job that each lane runs, by the lane's name. */
  const running = new Map<string, Span>();
  /** The span of a job, by the job's first claim: the `commit` channel has no BullMQ jobs. */
  const ofClaim = new WeakMap<Claim, Span>();

  const traceLane = (worker: Worker): void => {
    worker.on('active', (job) => {
      const parent = contextOf(job);
      running.delete(worker.name);
      if (!parent) return;
      const attributes = { 'messaging.destination.name': worker.name, 'messaging.message.id': job.id ?? '' };
      // biome-ignore lint/plugin/wall-clock: a timestamp for people: the start of a span.
      const start = job.processedOn ?? Date.now();
      if (job.attemptsStarted === 1)
        tracer.startSpan('lane', { attributes, startTime: Math.min(job.timestamp, start) }, parent).end(start);
      const options = { kind: SpanKind.CONSUMER, attributes, startTime: start };
      running.set(worker.name, tracer.startSpan('decide and commit', options, parent));
    });
    worker.on('completed', () => running.get(worker.name)?.end());
    worker.on('failed', (_, error) => {
      running.get(worker.name)?.setStatus({ code: SpanStatusCode.ERROR, message: error.message }).end();
    });
  };

  channels.take.subscribe(({ lane, claims: [first] }) => {
    const span = running.get(lane);
    if (span && first) ofClaim.set(first, span);
  });

  channels.commit.subscribe(({ decided, milliseconds }) => {
    const [first, ...others] = decided.flatMap(({ job: { claims } }) => ofClaim.get(claims[0] as Claim) ?? []);
    if (!first) return;
    // biome-ignore lint/plugin/wall-clock: a timestamp for people: the end of a span.
    const end = Date.now();
    const linked = others.slice(0, SPAN_LINKS_MAX);
    const span = tracer.startSpan(
      'commit',
      {
        startTime: end - milliseconds,
        attributes: {
          'flashclaim.claims': decided.reduce((sum, { decisions }) => sum + decisions.length, 0),
          'flashclaim.jobs': others.length + 1,
        },
        links: linked.map((other) => ({ context: other.spanContext() })),
      },
      trace.setSpan(context.active(), first),
    );
    for (const other of linked) other.addLink({ context: span.spanContext() });
    span.end(end);
  });
  return { traceLane, endTraces: endTracing };
};

/** Runs a job in the trace of its dispatch, so that its log lines contain the trace id. */
export const runInTrace = <T>(job: Job, run: () => Promise<T>): Promise<T> => {
  const parent = contextOf(job);
  return parent ? context.with(parent, run) : run();
};

/** The trace context of a job's dispatch; undefined where it was not sampled or can't be read. */
const contextOf = (job: Job): Context | undefined => {
  try {
    const carrier: unknown = JSON.parse(job.opts.telemetry?.metadata ?? 'null');
    const found = carrier ? propagation.extract(ROOT_CONTEXT, carrier) : ROOT_CONTEXT;
    const span = trace.getSpanContext(found);
    return span && isSpanContextValid(span) && span.traceFlags & TraceFlags.SAMPLED ? found : undefined;
  } catch {
    return undefined;
  }
};
