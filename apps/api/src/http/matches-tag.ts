/** The tag of RFC 9110, 8.8.3, without the mark of a weak one. */
const OPAQUE_TAG = /"[\x21\x23-\x7e\x80-\xff]*"/g;

/** Whether `If-None-Match` names this tag, by weak comparison (RFC 9110, 13.1.2). `*` names any. */
export const matchesTag = (ifNoneMatch: string | undefined, tag: unknown): boolean => {
  if (ifNoneMatch === undefined || typeof tag !== 'string') return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.match(OPAQUE_TAG)?.includes(tag.replace(/^W\//, '')) ?? false;
};
