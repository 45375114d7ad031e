import { laneName, SPAN_LINKS_MAX } from '@flashclaim/core';
import { type Context, context, propagation, type Span, SpanKind, trace } from '@opentelemetry/api';
import { type PassingJob, points } from '../claims/points.ts';
import type { WaitingClaim } from '../claims/waiting-claim.ts';

/** What is traced of a claim. */
interface Traced {
  /** The request's. */
  context: Context;
  gather: Span;
  /** By the monotonic clock, in ms. */
  answeredAt?: number;
}

/**
 * Traces the path of claims through this process: `gather`, `job` and `reply`. A job carries many claims, but has one place
 * in one trace: it is below the request of its first claim that is traced, and linked with those of the others.
 */
export const traceClaims = (): void => {
  const tracer = trace.getTracer('flashclaim');
  const traced = new WeakMap<WaitingClaim, Traced>();
  const jobs = new WeakMap<PassingJob, Span>();
  const tracedOf = ({ claims }: PassingJob): Traced[] => claims.flatMap((claim) => traced.get(claim) ?? []);

  points.submit.subscribe((claim) => {
    const request = context.active();
    if (!trace.getSpan(request)?.isRecording()) return;
    const attributes = { 'flashclaim.claim_id': claim.id };
    traced.set(claim, { context: request, gather: tracer.startSpan('gather', { attributes }, request) });
  });

  points.gather.subscribe((job) => {
    const [first, ...others] = tracedOf(job);
    if (!first) return;
    const linked = others.slice(0, SPAN_LINKS_MAX);
    const span = tracer.startSpan(
      'job',
      {
        kind: SpanKind.PRODUCER,
        attributes: describeJob(job),
        links: linked.flatMap((other) => linkTo(trace.getSpan(other.context))),
      },
      first.context,
    );
    jobs.set(job, span);
    const carrier = {};
    propagation.inject(trace.setSpan(first.context, span), carrier);
    job.trace = JSON.stringify(carrier);
    for (const { gather } of linked) gather.addLinks(linkTo(span));
    for (const { gather } of [first, ...others]) gather.end();
  });

  points.answer.subscribe((job) => {
    jobs.get(job)?.end();
    for (const claim of tracedOf(job)) claim.answeredAt = performance.now();
  });

  points.reply.subscribe(({ claim, told }) => {
    const found = traced.get(claim);
    if (!found) return;
    // One that was refused without a job has only gathered.
    found.gather.end();
    const attributes = { 'flashclaim.told': told };
    const startTime = toStamp(found.answeredAt ?? performance.now());
    tracer.startSpan('reply', { attributes, startTime }, found.context).end();
  });
};

/** A moment of the monotonic clock as a time that people read. */
// biome-ignore lint/plugin/wall-clock: a stamp: a span begins at a time that people read.
const toStamp = (moment: number): number => Date.now() - (performance.now() - moment);

const linkTo = (span: Span | undefined) => (span ? [{ context: span.spanContext() }] : []);

/** As OpenTelemetry names things of messages. */
const describeJob = ({ id, lane, claims }: PassingJob) => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': laneName(lane),
  'messaging.message.id': id,
  'messaging.batch.message_count': claims.length,
});
