import { TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { withTimeout } from './with-timeout.ts';

/** How long a process that stops waits until its last traces are sent. */
const TRACES_FLUSH_MAX_MS = 2_000;

/**
 * Sends the traces of this process to where OpenTelemetry's variables say. A service apart from index.ts: it is loaded only
 * where traces are wanted.
 * @returns what ends it: the last spans are sent, if that does not take long.
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

/** For a line of the log: the trace in which it was written, where that is one that is sent. */
export const traceOfLine = (): { trace_id?: string } => {
  const span = trace.getActiveSpan()?.spanContext();
  return span && span.traceFlags & TraceFlags.SAMPLED ? { trace_id: span.traceId } : {};
};
