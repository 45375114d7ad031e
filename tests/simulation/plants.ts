/** Bugs that can be planted around the code of the claim path, and what each is. Every one must be found. */
export const PLANTS = {
  'holders unseen': 'no unique index on user and coupon, and a transaction sees nobody who holds a unit',
  'ids unseen': 'a transaction does not see which claim ids exist',
  'no guard': 'units are taken without looking whether they are there',
  'commit unchecked': 'callers are answered before the commit',
  'unknown is success': 'a commit that failed or whose result is unknown passes for one that went through',
  'result of another': 'an answer bears the result of another job',
  'forgotten looks active': 'a job that Redis forgot seems to be on its way',
  'record only for refusals': 'a job whose claims were all granted leaves no record',
  'record read by local concern': 'records are read that no majority has yet, and told',
  'expiry by clock alone': 'a status tells by the clock of its machine that a job has expired, and records nothing',
  'pending record overwritten': 'requests under one key share a pending record: that of the last one',
  "key answered by another request's record":
    'a request under a key is answered by the record of another request under it',
  "deadline from the API's own clock": 'an API process stamps deadlines by the clock of its machine',
  'group drops the twin of a recorded job': 'of two runs of a job in one group, only the first is answered',
  'status reads claims first': 'a status rests on claims that were read before the records of their jobs',
  'missing lane treated as refused': 'a status takes a job for refused that is in no lane of its process',
  'wall clock instead of monotonic clock': 'an API process measures intervals by the clock of its machine',
} as const;
export type Plant = keyof typeof PLANTS;
