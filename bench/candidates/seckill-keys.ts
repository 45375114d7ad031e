/** The keys of the `seckill` candidate. */
export const stockKey = (couponName: string): string => `stock:${couponName}`;
export const usersKey = (couponName: string): string => `users:${couponName}`;
/** What would be written to a database some time after the answer. */
export const STREAM_KEY = 'claims';
