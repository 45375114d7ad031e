import type { CollectionName, ModelDocument, Update } from './model-store.ts';
import type { World } from './world.ts';

const WITHOUT_GUARD = { remaining_amount: { $gte: -1_000 } };

interface Operators {
  $inc?: Record<string, number>;
  $set?: object;
}

/** The filter and the operators of an update. */
export const mutatedUpdate = (
  { mutations }: World,
  collection: CollectionName,
  q: object,
  u: Operators,
): [object, object] => {
  if (collection === 'coupons') {
    if (mutations.has('no guard') || mutations.has('PATCH below granted units')) return [{ ...q, ...WITHOUT_GUARD }, u];
    const issued = u.$inc?.['issued'] ?? 0;
    if (mutations.has('sequence given twice') && issued > 1)
      return [q, { ...u, $inc: { ...u.$inc, issued: issued - 1 } }];
  }
  if (collection === 'claims') {
    if (mutations.has('release twice')) return [{ ...q, ordinal: { $in: [1, undefined] } }, u];
    if (mutations.has('released claim granted again by its own job'))
      return [q, { ...u, $set: { ...u.$set, _id: `removed ${Math.random()}`, user_id: 'nobody' } }];
  }
  return [q, u];
};

/** The update that takes the unit of a claim a second time. */
export const takeAgain = ({ coupon_id }: ModelDocument): Update => ({
  q: { _id: coupon_id },
  u: { $inc: { remaining_amount: -1 } },
  multi: true,
});
