import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span, with the fields that tests read. */
export interface ReceivedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  startTime: number;
  endTime: number;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
}

interface Value {
  stringValue?: string;
  intValue?: number;
}
type Attributes = { key: string; value: Value }[];
interface Sent {
  resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: SentSpan[] }[] }[];
}
interface SentSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: Attributes;
  links?: { traceId: string; spanId: string }[];
}

const NANOSECONDS_PER_MS = 1_000_000;

/** Receives traces as an OpenTelemetry collector does, in the JSON encoding. */
export const openOtlpReceiver = async () => {
  const spans: ReceivedSpan[] = [];
  const server = createServer(async (request, response) => {
    const sent = (await json(request)) as Sent;
    if (request.url === '/v1/traces') spans.push(...sent.resourceSpans.flatMap(readSpans));
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    spans,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

const readSpans = ({ resource, scopeSpans }: Sent['resourceSpans'][number]): ReceivedSpan[] => {
  const service = String(readAttributes(resource.attributes)['service.name']);
  return scopeSpans
    .flatMap((scope) => scope.spans)
    .map(({ name, traceId, spanId, parentSpanId = '', links = [], ...span }) => ({
      service,
      name,
      traceId,
      spanId,
      parentSpanId,
      links,
      startTime: Number(span.startTimeUnixNano) / NANOSECONDS_PER_MS,
      endTime: Number(span.endTimeUnixNano) / NANOSECONDS_PER_MS,
      attributes: readAttributes(span.attributes ?? []),
    }));
};

const readAttributes = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
