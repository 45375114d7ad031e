import { isCouponName, isName, isNamePrefix } from '@flashclaim/core';
import fc, { type Arbitrary } from 'fast-check';

/** The part of JSON Schema that the document uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  pattern?: string;
  enum?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean;
  /** Of an object: it must have another property than this one. */
  not?: { propertyNames?: { const?: string } };
  examples?: unknown[];
}

const text = (maxLength: number): Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength }),
    fc.string({ unit: 'binary', maxLength }),
    fc.string({ unit: 'grapheme-ascii', maxLength }),
  );

/** A small set, so that values repeat: an existing coupon, a user with a unit, a used key. */
export const NAMES = ['fuzz one', 'fuzz/few', 'fuzz many', '.', '..', 'claim', '__proto__', '%', 'ßtraße'];

/** The beginnings of some of them, and of none. */
const NAME_PREFIXES = ['fuzz', 'fuzz ', '.', '.*', '_'];

/** Values that are valid by the schema. @throws Error on an unknown kind of schema. */
export const conforming = (schema: Schema): Arbitrary<unknown> => {
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type) => conforming({ ...schema, type })));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.type === 'null') return fc.constant(null);
  if (schema.type === 'boolean') return fc.boolean();
  if (schema.type === 'object') return conformingObject(schema);
  if (schema.type === 'integer')
    return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 });
  if (schema.type !== 'string') throw new Error(`there are no values for the schema ${JSON.stringify(schema)}`);
  if (schema.format === 'name') return fc.oneof(fc.constantFrom(...NAMES), text(300).filter(isName));
  if (schema.format === 'coupon-name')
    return conforming({ ...schema, format: 'name' }).filter((name) => isCouponName(name as string));
  if (schema.format === 'date-time') return TIMES;
  if (schema.format === 'name-prefix')
    return fc.oneof(fc.constantFrom(...NAME_PREFIXES), text(300).filter(isNamePrefix));
  if (schema.pattern) return patterned(schema.pattern);
  return text(schema.maxLength ?? 100).filter(({ length }) => length >= (schema.minLength ?? 0));
};

const TIMES = fc
  .tuple(
    fc.date({ min: new Date('0001-01-01'), max: new Date('9998-12-31'), noInvalidDate: true }),
    fc.constantFrom('Z', '+00:00', '-23:59', '+14:00', '99Z'),
  )
  .map(([date, end]) => date.toISOString().slice(0, -1) + end);

const patterned = (pattern: string): Arbitrary<string> => {
  const matching = fc.stringMatching(new RegExp(pattern));
  return fc.oneof(fc.constantFrom(...fc.sample(matching, { seed: 1, numRuns: 3 })), matching);
};

/** Objects with all required fields and some optional ones. @throws Error where the schema allows others. */
const conformingObject = ({ properties = {}, required = [], additionalProperties, not }: Schema): Arbitrary<object> => {
  if (additionalProperties !== false) throw new Error('a body must refuse unknown fields');
  const fields: Record<string, Arbitrary<unknown>> = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => [name, conforming(property)]),
  );
  const idle = not?.propertyNames?.const;
  const object = fc.record(fields, { requiredKeys: required });
  return not ? object.filter((one) => Object.keys(one).some((name) => name !== idle)) : object;
};

/** Values that an attacker might send. */
export const hostile: Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  text(400),
  fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    '\0',
    '\ud83c',
    'x'.repeat(256),
    '🎟'.repeat(256),
    { $gt: '' },
    { $ne: null },
    [],
    0,
    -1,
    1.5,
    2 ** 31,
    1e308,
    '5',
    true,
    '__proto__',
    '../../etc/passwd',
    '%00',
    "' OR 1=1 --",
  ),
);

/** Objects that are nearly valid: one field is wrong or missing, or there are fields that are not allowed. */
export const nearly = (schema: Schema): Arbitrary<unknown> => {
  const names = Object.keys(schema.properties ?? {});
  const name = fc.constantFrom(...names);
  const unknown = fc.oneof(
    text(10).filter((key) => !names.includes(key)),
    name.map((known) => `$${known}`),
    fc.constantFrom('quantity', 'a/b', 'a~b', '#', '%', '', 'constructor', '\ud83c'),
  );
  return fc.oneof(
    fc.tuple(conformingObject(schema), name, hostile).map(([object, wrong, value]) => ({ ...object, [wrong]: value })),
    fc.tuple(conformingObject(schema), name).map(([object, missing]) => {
      const { [missing]: _, ...rest } = object as Record<string, unknown>;
      return rest;
    }),
    fc
      .tuple(conformingObject(schema), fc.dictionary(unknown, fc.jsonValue(), { minKeys: 1, maxKeys: 20 }))
      .map(([object, others]) => ({ ...others, ...object })),
  );
};
