import { UnknownToModel } from './matches.ts';
import type { ModelDocument } from './model-store.ts';

type Fields = Record<string, unknown>;

const OPERATORS: Record<string, (fields: Fields, operands: Fields, now: Date) => void> = {
  $inc: (fields, operands) => {
    for (const [field, by] of Object.entries(operands)) fields[field] = (fields[field] as number) + (by as number);
  },
  $set: (fields, operands) => void Object.assign(fields, operands),
  $unset: (fields, operands) => {
    for (const field of Object.keys(operands)) delete fields[field];
  },
  $currentDate: (fields, operands, now) => {
    for (const field of Object.keys(operands)) fields[field] = now;
  },
};

/**
 * The document after an update. Knows the operators that the claim path uses.
 * @throws UnknownToModel on any other operator.
 */
export const applyUpdate = (document: ModelDocument, update: object, now: Date): ModelDocument => {
  const fields = { ...document };
  for (const [operator, operands] of Object.entries(update)) {
    const apply = OPERATORS[operator];
    if (!apply) throw new UnknownToModel(operator);
    apply(fields, operands as Fields, now);
  }
  return fields;
};
