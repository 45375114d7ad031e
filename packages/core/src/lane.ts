/** The lane of a coupon: FNV-1a over the UTF-16 units of its normalised name. */
export const laneOf = (couponName: string, lanes: number): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < couponName.length; i++) hash = Math.imul(hash ^ couponName.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % lanes;
};
