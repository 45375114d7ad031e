import { type SchemaOptions, type TUnsafe, Type } from '@sinclair/typebox';

/**
 * A schema for one of several strings, as an `enum`. TypeBox's union of literals becomes an `anyOf`, and the serialiser would
 * validate every answer against it to find the member that applies.
 */
export const OneOfSchema = <T extends string>(values: readonly T[], options: SchemaOptions = {}): TUnsafe<T> =>
  Type.Unsafe<T>({ ...options, type: 'string', enum: [...values] });
