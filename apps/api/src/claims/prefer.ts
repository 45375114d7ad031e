/** What a caller prefers of the waiting (RFC 7240), as far as it is followed. */
export interface PreferredWait {
  waitMs: number;
  /** The seconds of `wait`, where they are what bounds the wait. */
  waitSeconds: number | undefined;
  respondAsync: boolean;
}

/** The members of a list: a comma inside a quoted string parts nothing. One that is not closed takes the rest. */
const MEMBER = /(?:"(?:[^"\\]|\\[\s\S]?)*(?:"|$)|[^,"])+/g;
const SECONDS = /^\d+$/;

/**
 * Reads the header `Prefer`, of which Node makes one list where it came several times. Followed are `wait=N`, where it lowers
 * the wait, and `respond-async`, which is no wait at all, or N seconds if both are there. Of a preference that is named
 * twice the first counts. What is unknown or malformed is ignored.
 */
export const readPrefer = (header: string, waitMaxMs: number): PreferredWait => {
  const values = new Map<string, string>();
  for (const [member] of header.matchAll(MEMBER)) {
    // Parameters follow a semicolon; none of ours has any.
    const [preference = ''] = member.split(';', 1);
    const [before = '', ...after] = preference.split('=');
    const name = before.trim().toLowerCase();
    if (!values.has(name)) values.set(name, after.join('=').trim());
  }
  const wait = values.get('wait') ?? '';
  const waitSeconds = SECONDS.test(wait) && Number(wait) * 1_000 <= waitMaxMs ? Number(wait) : undefined;
  // An empty value is the same as none.
  const respondAsync = values.get('respond-async') === '' || values.get('respond-async') === '""';
  const otherwiseMs = respondAsync && !SECONDS.test(wait) ? 0 : waitMaxMs;
  return { waitMs: waitSeconds === undefined ? otherwiseMs : waitSeconds * 1_000, waitSeconds, respondAsync };
};

/** The header `Preference-Applied`: what the answer followed; undefined where that is nothing. */
export const preferenceApplied = (
  { waitSeconds, respondAsync }: PreferredWait,
  isPending: boolean,
): string | undefined => {
  const applied = [
    ...(respondAsync && isPending ? ['respond-async'] : []),
    ...(waitSeconds === undefined ? [] : [`wait=${waitSeconds}`]),
  ];
  return applied.length > 0 ? applied.join(', ') : undefined;
};
