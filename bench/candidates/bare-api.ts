/** The only process of the `bare` candidate. */
import { claimed, serveClaims } from './claim-server.ts';

const ANSWER = claimed('019ac0de-0000-7000-8000-000000000000', 'user', 'coupon', new Date(0));

await serveClaims(() => ANSWER);
