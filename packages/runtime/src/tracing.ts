import { TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { withTimeout } from './with-timeout.ts';

/** How long a process that stops waits until its last traces are sent. */
const TRACES_FLUSH_MAX_MS = 2_000;

/**
 * Sends the traces of this process to the endpoint of OpenTelemetry's variables. This module is not part of index.ts: it is
 * loaded only if tracing is on.
 * @returns a function that ends tracing. It sends the last spans, for `TRACES_FLUSH_MAX_MS` at most.
 */
export const startTracing = (serviceName: string): (() => Promise<void>) => {
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  return () => withTimeout(TRACES_FLUSH_MAX_MS, provider.shutdown()).catch(() => {});
};

/** The id of the current trace, for log lines. Empty where the trace is not sampled. */
export const traceOfLine = (): { trace_id?: string } => {
  const span = trace.getActiveSpan()?.spanContext();
  return span && span.traceFlags & TraceFlags.SAMPLED ? { trace_id: span.traceId } : {};
};
