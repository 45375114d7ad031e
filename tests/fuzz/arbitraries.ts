import { isCouponName, isName } from '@flashclaim/core';
import fc, { type Arbitrary } from 'fast-check';

/** The part of JSON Schema that the document uses. */
export interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  pattern?: string;
  enum?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
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

/** Values that are valid by the schema. @throws Error on an unknown kind of schema. */
export const conforming = (schema: Schema): Arbitrary<unknown> => {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.type === 'object') return conformingObject(schema);
  if (schema.type === 'integer')
    return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 });
  if (schema.type !== 'string') throw new Error(`there are no values for the schema ${JSON.stringify(schema)}`);
  if (schema.format === 'name') return fc.oneof(fc.constantFrom(...NAMES), text(300).filter(isName));
  if (schema.format === 'coupon-name')
    return conforming({ ...schema, format: 'name' }).filter((name) => isCouponName(name as string));
  if (schema.pattern) return patterned(schema.pattern);
  return text(schema.maxLength ?? 100).filter(({ length }) => length >= (schema.minLength ?? 0));
};

const patterned = (pattern: string): Arbitrary<string> => {
  const matching = fc.stringMatching(new RegExp(pattern));
  return fc.oneof(fc.constantFrom(...fc.sample(matching, { seed: 1, numRuns: 3 })), matching);
};

/** Objects with all required fields, some optional ones, and sometimes an unknown field. */
const conformingObject = ({ properties = {}, required = [] }: Schema): Arbitrary<object> =>
  fc
    .tuple(
      fc.record(
        Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, conforming(property)])),
        { requiredKeys: required },
      ),
      fc.dictionary(
        text(10).filter((key) => !key.startsWith('$') && !(key in properties)),
        fc.jsonValue(),
        { maxKeys: 2 },
      ),
    )
    .map(([known, unknown]) => ({ ...unknown, ...known }));

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

/** Objects that are nearly valid: one field is wrong, missing, or has the name of an operator. */
export const nearly = (schema: Schema): Arbitrary<unknown> => {
  const names = Object.keys(schema.properties ?? {});
  return fc
    .tuple(conformingObject(schema), fc.constantFrom(...names), hostile, fc.constantFrom('wrong', 'missing', '$'))
    .map(([object, name, value, how]) => {
      if (how === '$') return { ...object, [`$${name}`]: value };
      const { [name]: _, ...rest } = object as Record<string, unknown>;
      return how === 'missing' ? rest : { ...rest, [name]: value };
    });
};
