/** The preferences of a caller that the API applies (RFC 7240). */
export interface PreferredWait {
  waitMs: number;
  /** The seconds of `wait`, where they shorten the wait. */
  waitSeconds: number | undefined;
  respondAsync: boolean;
}

/** The members of a list. A comma in a quoted string separates nothing. A quoted string without an end takes the rest. */
const MEMBER = /(?:"(?:[^"\\]|\\[\s\S]?)*(?:"|$)|[^,"])+/g;
const SECONDS = /^\d+$/;

/**
 * Reads the header `Prefer`. Node joins several of them into one list. Applies `wait=N`, where that shortens the wait, and
 * `respond-async`, which means no wait, or a wait of N seconds together with `wait=N`. Where a preference is repeated, the
 * first one counts. Ignores unknown and malformed preferences.
 */
export const readPrefer = (header: string, waitMaxMs: number): PreferredWait => {
  const values = new Map<string, string>();
  for (const [member] of header.matchAll(MEMBER)) {
    // Parameters follow a semicolon. The known preferences have none.
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

/** The value of `Preference-Applied`; undefined where no preference was applied. */
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
