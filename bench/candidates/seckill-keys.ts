/** The keys of the `seckill` candidate. */
export const stockKey = (couponName: string): string => `stock:${couponName}`;
export const usersKey = (couponName: string): string => `users:${couponName}`;
/** Claims that a consumer would write to a database later. */
export const STREAM_KEY = 'claims';
