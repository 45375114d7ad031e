import { isDeepStrictEqual } from 'node:util';
import { ObjectId } from 'mongodb';

/** The claim path used a feature of MongoDB that the model does not have. The run ends, because the model must not guess. */
export class UnknownToModel extends Error {
  constructor(what: string) {
    super(`the model of the store does not know ${what}: add it there and to model-store.test.ts`);
  }
}

type Fields = Record<string, unknown>;

const same = (one: unknown, other: unknown): boolean =>
  one instanceof ObjectId && other instanceof ObjectId
    ? one.equals(other)
    : one === other || (typeof one === 'object' && isDeepStrictEqual(one, other));

const OPERATORS: Record<string, (value: unknown, operand: unknown) => boolean> = {
  $in: (value, operand) => (operand as unknown[]).some((one) => same(value, one)),
  $gt: (value, operand) => (value as number) > (operand as number),
  $gte: (value, operand) => (value as number) >= (operand as number),
  $lt: (value, operand) => (value as number) < (operand as number),
  $exists: (value, operand) => (value !== undefined) === operand,
};

const fits = (value: unknown, condition: unknown): boolean => {
  if (typeof condition !== 'object' || condition === null || condition instanceof ObjectId)
    return same(value, condition);
  return Object.entries(condition).every(([operator, operand]) => {
    const holds = OPERATORS[operator];
    if (!holds) throw new UnknownToModel(operator);
    return holds(value, operand);
  });
};

/**
 * Whether a document matches a filter. Knows the operators that the claim path uses.
 * @throws UnknownToModel on any other operator.
 */
export const matches = (document: object, filter: object): boolean =>
  Object.entries(filter).every(([field, condition]) =>
    field === '$or'
      ? (condition as object[]).some((one) => matches(document, one))
      : fits((document as Fields)[field], condition),
  );
