import { isCouponName, isName, isNamePrefix, type ProblemCode } from '@flashclaim/core';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { call, type Reply } from './call-api.ts';

interface Described {
  schema: object;
  examples?: Record<string, { value: unknown }>;
}

export interface Parameter {
  in: 'path' | 'query' | 'header';
  name: string;
  required: boolean;
  schema: object;
}

export interface Operation {
  method: string;
  path: string;
  operationId: string;
  summary?: string;
  tags?: string[];
  security?: object[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Described> };
  responses: Record<
    string,
    { description: string; headers?: Record<string, Described>; content?: Record<string, Described> }
  >;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>;
  components: { schemas: Record<string, object> };
  tags: { name: string }[];
}

/** The contract of the API: reads `GET /openapi.json` of a running API and compares its answers with the document. */
export class Contract {
  readonly document: Document;
  readonly operations: Map<string, Operation>;
  readonly #ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    formats: { name: isName, 'coupon-name': isCouponName, 'name-prefix': isNamePrefix },
  });
  readonly #validators = new Map<object, ValidateFunction>();

  constructor(document: Document) {
    this.document = document;
    this.operations = new Map(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => [
          operation.operationId,
          { ...operation, path, method: method.toUpperCase() },
        ]),
      ),
    );
    addFormats.default(this.#ajv);
    // References in a schema point into the document, so schemas are compiled inside it.
    this.#ajv.addVocabulary(Object.keys(document));
    this.#ajv.addSchema(document, 'document');
  }

  static async read(url: string): Promise<Contract> {
    return new Contract((await call(`${url}/openapi.json`, 'GET')).body);
  }

  operation(operationId: string): Operation {
    const operation = this.operations.get(operationId);
    if (!operation) throw new Error(`no operation ${operationId} is documented`);
    return operation;
  }

  /** The schema that a reference points to, or the schema itself. */
  resolve(schema: { $ref?: string }): object {
    const name = schema.$ref?.split('/').at(-1);
    return name === undefined ? schema : (this.document.components.schemas[name] as object);
  }

  /** Describes what is wrong with a value by a schema of the document; undefined if it is valid. */
  fault(schema: object, value: unknown): string | undefined {
    let validate = this.#validators.get(schema);
    if (!validate) {
      validate = this.#ajv.compile(inDocument(schema) as object);
      this.#validators.set(schema, validate);
    }
    return validate(value) ? undefined : this.#ajv.errorsText(validate.errors);
  }

  /** The differences between an answer and the document of its operation; empty if there are none. */
  faultsOf(operationId: string, { status, headers, body }: Reply): string[] {
    const answer = this.operation(operationId).responses[status];
    if (!answer) return [`${operationId} answers ${status}, which is not documented`];
    const faults: (string | undefined)[] = [];
    const documented = answer.headers ?? {};
    for (const [name, { schema }] of Object.entries(documented)) {
      const value = headers.get(name);
      if (value !== null) faults.push(named(`header ${name}`, this.fault(schema, readHeader(schema, value))));
      else if (!isConditional(name, status)) faults.push(`${operationId} answers ${status} without ${name}`);
    }
    for (const name of headers.keys())
      if (!(name in documented) && !OF_TRANSPORT.has(name))
        faults.push(`${operationId} answers ${status} with ${name}, which is not documented`);
    const type = headers.get('content-type')?.split(';')[0];
    const described = answer.content?.[type ?? ''];
    if (described) faults.push(named('body', this.fault(described.schema, body)));
    else if (answer.content) faults.push(`${operationId} answers ${status} as ${type}, which is not documented`);
    else if (body !== undefined) faults.push(`${operationId} answers ${status} with a body, which is not documented`);
    return faults.filter((fault) => fault !== undefined);
  }

  /** Every documented answer: `operationId status`, with the code of each problem. */
  answers(): string[] {
    return [...this.operations.values()].flatMap(({ operationId, responses }) =>
      Object.entries(responses).flatMap(([status, { content = {} }]) => {
        const problems = Object.keys(content['application/problem+json']?.examples ?? {}) as ProblemCode[];
        return problems.length > 0
          ? problems.map((code) => `${operationId} ${status} ${code}`)
          : `${operationId} ${status}`;
      }),
    );
  }
}

/** Headers of HTTP itself, which any answer may have. */
const OF_TRANSPORT: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

const RATE_LIMIT = 'ratelimit';

const CONDITIONAL: ReadonlySet<string> = new Set(['idempotency-replayed', 'link', 'preference-applied']);

/** Whether a documented header is optional. A 429 always has the rate limit headers. */
const isConditional = (name: string, status: number): boolean =>
  CONDITIONAL.has(name) || (name.startsWith(RATE_LIMIT) && status !== 429);

const named = (what: string, fault: string | undefined): string | undefined => fault && `${what}: ${fault}`;

/** Reads the text of a header as an integer if its schema says so. */
const readHeader = (schema: object, value: string): unknown =>
  'type' in schema && schema.type === 'integer' && /^\d+$/.test(value) ? Number(value) : value;

/** The same schema with references that point into the document. */
const inDocument = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inDocument);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === '$ref' ? `document${inner}` : inDocument(inner)]),
  );
};
