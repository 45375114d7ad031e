import { SPAN_LINKS_MAX } from '@flashclaim/core';
import { laneName } from '@flashclaim/lanes';
import { type Context, context, propagation, type Span, SpanKind, trace } from '@opentelemetry/api';
import { channels, type DispatchedJob } from '../claims/channels.ts';
import type { WaitingClaim } from '../claims/waiting-claim.ts';

/** The trace of a claim. */
interface Traced {
  /** The request's. */
  context: Context;
  batch: Span;
  /** By the monotonic clock, in ms. */
  answeredAt?: number;
}

/**
 * Traces the claim path of this process with the spans `batch`, `job` and `reply`. A job contains many claims, but its span has
 * one parent: the request of the first claim that is traced. Links connect it with the requests of the others.
 */
export const traceClaims = (): void => {
  const tracer = trace.getTracer('flashclaim');
  const traced = new WeakMap<WaitingClaim, Traced>();
  const jobs = new WeakMap<DispatchedJob, Span>();
  const tracedOf = ({ claims }: DispatchedJob): Traced[] => claims.flatMap((claim) => traced.get(claim) ?? []);

  channels.submit.subscribe((claim) => {
    const request = context.active();
    if (!trace.getSpan(request)?.isRecording()) return;
    const attributes = { 'flashclaim.claim_id': claim.id };
    traced.set(claim, { context: request, batch: tracer.startSpan('batch', { attributes }, request) });
  });

  channels.dispatch.subscribe((job) => {
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
    for (const { batch } of linked) batch.addLinks(linkTo(span));
    for (const { batch } of [first, ...others]) batch.end();
  });

  channels.answer.subscribe((job) => {
    jobs.get(job)?.end();
    for (const claim of tracedOf(job)) claim.answeredAt = performance.now();
  });

  channels.reply.subscribe(({ claim, answer }) => {
    const found = traced.get(claim);
    if (!found) return;
    // For a claim that was refused without a job, nothing else has ended this span.
    found.batch.end();
    const attributes = { 'flashclaim.answer': answer };
    const startTime = toStamp(found.answeredAt ?? performance.now());
    tracer.startSpan('reply', { attributes, startTime }, found.context).end();
  });
};

/** A time of the monotonic clock as wall-clock time. */
// biome-ignore lint/plugin/wall-clock: a stamp: a span begins at a time that people read.
const toStamp = (moment: number): number => Date.now() - (performance.now() - moment);

const linkTo = (span: Span | undefined) => (span ? [{ context: span.spanContext() }] : []);

/** By OpenTelemetry's semantic conventions for messaging. */
const describeJob = ({ id, lane, claims }: DispatchedJob) => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': laneName(lane),
  'messaging.message.id': id,
  'messaging.batch.message_count': claims.length,
});
