import { type SchemaOptions, type TUnsafe, Type } from '@sinclair/typebox';

/**
 * One of some strings. TypeBox's own union of literals becomes an `anyOf`, which the serialiser would validate for each
 * answer to learn which of them applies; an `enum` of strings it writes as it is.
 */
export const OneOfSchema = <T extends string>(values: readonly T[], options: SchemaOptions = {}): TUnsafe<T> =>
  Type.Unsafe<T>({ ...options, type: 'string', enum: [...values] });
