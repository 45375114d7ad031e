interface MediaRange {
  range: string;
  quality: number;
  /** Its place in the header. */
  order: number;
}

/** A quality of RFC 9110, 12.4.2. */
const QUALITY = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/;

/**
 * The media type that `Accept` prefers: by quality, then by how exactly it is named, then by its place in the header. The first
 * of `types` where the header is absent, or accepts none: RFC 9110, 12.4.1 allows to ignore it.
 * @param types in lower case.
 */
export const negotiate = <T extends string>(accept: string | undefined, types: readonly [T, ...T[]]): T => {
  if (accept === undefined) return types[0];
  const ranges = accept.toLowerCase().split(',').map(toRange);
  const accepted = types.flatMap((type) => {
    const found = bestOf(ranges, type);
    return found && found.quality > 0 ? [{ type, ...found }] : [];
  });
  accepted.sort(
    (one, other) => other.quality - one.quality || other.exactness - one.exactness || one.order - other.order,
  );
  return accepted[0]?.type ?? types[0];
};

const toRange = (text: string, order: number): MediaRange => {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim());
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length) ?? '1';
  return { range, order, quality: QUALITY.test(quality) ? Number(quality) : 0 };
};

/** The most exact range that contains a type. */
const bestOf = (ranges: readonly MediaRange[], type: string): (MediaRange & { exactness: number }) | undefined => {
  const containing = ['*/*', `${type.split('/', 1)[0]}/*`, type];
  const found = ranges.map((one) => ({ ...one, exactness: containing.indexOf(one.range) }));
  return found.filter(({ exactness }) => exactness >= 0).sort((one, other) => other.exactness - one.exactness)[0];
};
