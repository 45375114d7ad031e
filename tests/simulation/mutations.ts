/** Bugs that a run can add around the code of the claim path, each with its description. The simulation must find every one. */
export const MUTATIONS = {
  'holders unseen': 'there is no unique index on user and coupon, and a transaction does not see who holds a unit',
  'ids unseen': 'a transaction does not see existing claim ids',
  'no guard': 'units are taken without a check that they exist',
  'commit unchecked': 'callers are answered before the commit',
  'unknown is success': 'a commit that failed or whose result is unknown counts as successful',
  'result of another': 'an answer has the result of another job',
  'lost job looks active': 'a job that Redis lost seems to be active',
  'record only for refusals': 'a job whose claims were all granted leaves no record',
  'record read by local concern': 'a record that no majority has yet is read and answered',
  'expiry by clock alone': 'a status calls a job expired by the clock of its machine, and records nothing',
  'pending record overwritten': 'requests with one key share one pending record, that of the last request',
  "key answered by another request's record":
    'a request with a key is answered from the record of another request with the same key',
  "deadline from the API's own clock": 'an API process sets deadlines by the clock of its machine',
  'group drops the duplicate of a recorded job': 'of two runs of a job in one group, only the first is answered',
  'status reads claims first': 'a status reads the claims before the records of their jobs',
  'missing lane treated as refused': 'a status calls a job refused if it is in no lane of its process',
  'release twice': 'a transaction sees released claims as live, and releases them again',
  'stale window after PATCH': 'units are taken without a check that the coupon is open',
  'sequence given twice': 'a grant gets the number of the grant before it',
  'refused after restock': 'an API process refuses claims for a coupon that was sold out once, whatever it reads',
  'unit lost when a released user claims again': 'a user who claims again takes two units of the stock',
  'released claim granted again by its own job':
    'a release removes the claim, and a job that runs again is decided again',
  'PATCH below granted units': 'an amount is changed without a check of the units that are granted',
  'cursor that skips': 'a cursor of a list skips one claim',
  'read shared with an earlier caller':
    'a caller who reads a coupon gets the result of a read that is in flight already',
  'wall clock instead of monotonic clock': 'an API process measures intervals by the clock of its machine',
} as const;
export type Mutation = keyof typeof MUTATIONS;
