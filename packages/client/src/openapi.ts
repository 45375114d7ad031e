/**
 * The documents of the API, generated from its own OpenAPI document. If the API changes, a test fails, and
 * `npm test -- client-types --update` writes this file again.
 */
export interface components {
    schemas: {
        /**
         * @description A claim on one unit of a coupon. Other fields are refused.
         * @example {
         *       "user_id": "user_1",
         *       "coupon_name": "FLASH_SALE_2024"
         *     }
         */
        ClaimRequest: {
            /**
             * Format: name
             * @description 1 to 255 characters, without white space at its ends, control characters, bidi controls, or one of U+200B, U+2060 and U+FEFF; compared in Unicode NFC
             */
            user_id: string;
            /**
             * Format: name
             * @description 1 to 255 characters, without white space at its ends, control characters, bidi controls, or one of U+200B, U+2060 and U+FEFF; compared in Unicode NFC
             */
            coupon_name: string;
        };
        /** @description A claim and its status. */
        ClaimStatus: {
            /**
             * @description Only with status claimed.
             * @constant
             */
            message?: "coupon claimed successfully";
            /** @description A UUID. */
            claim_id: string;
            /** @enum {string} */
            status: "pending" | "claimed" | "refused" | "released";
            /**
             * @description Why it was refused; otherwise the same as status. timed_out: not decided within 15 minutes, and never granted.
             * @enum {string}
             */
            code: "pending" | "idempotency_key_reused" | "coupon_not_found" | "claim_released" | "already_claimed" | "sale_not_open" | "out_of_stock" | "claimed" | "timed_out" | "released";
            /**
             * @description Only with code sale_not_open: why.
             * @enum {string}
             */
            reason?: "ended" | "paused" | "not_started";
            user_id: string;
            coupon_name: string;
            /** @description The number of its unit within the coupon: 1, 2, 3 … in the order of the grants. Never used again, so after releases it may exceed amount. Only with status claimed or released. */
            sequence?: number;
            /**
             * Format: date-time
             * @description Only with status claimed or released.
             */
            claimed_at?: string;
            /**
             * Format: date-time
             * @description When it was released. Only with status released.
             */
            ended_at?: string;
        };
        /** @description A page of claims. */
        ClaimList: {
            data: components["schemas"]["ClaimStatus"][];
            /** @description Send it as `after` to read the next page. null on the last page. */
            next: string | null;
        };
        /**
         * @description A coupon to create. Other fields are refused.
         * @example {
         *       "name": "FLASH_SALE_2024",
         *       "amount": 5
         *     }
         */
        NewCoupon: {
            /**
             * Format: coupon-name
             * @description 1 to 255 characters, without white space at its ends, control characters, bidi controls, or one of U+200B, U+2060 and U+FEFF, and neither "." nor ".."; compared in Unicode NFC
             */
            name: string;
            /** @description Units; one claim takes one. */
            amount: number;
            /**
             * Format: date-time
             * @description Claims are accepted from this time on; null: at once. RFC 3339, with an offset.
             */
            starts_at?: string | null;
            /**
             * Format: date-time
             * @description Claims are accepted before this time, which is later than starts_at; null: for ever.
             */
            ends_at?: string | null;
            /** @description Whether no claims are accepted, whatever the time. */
            paused?: boolean;
        };
        /**
         * @description The settings to change: at least one of amount, starts_at, ends_at and paused. Other fields are refused.
         * @example {
         *       "paused": true
         *     }
         * @example {
         *       "amount": 10,
         *       "version": 1
         *     }
         */
        CouponChange: {
            /** @description Units; one claim takes one. */
            amount?: number;
            /**
             * Format: date-time
             * @description Claims are accepted from this time on; null: at once. RFC 3339, with an offset.
             */
            starts_at?: string | null;
            /**
             * Format: date-time
             * @description Claims are accepted before this time, which is later than starts_at; null: for ever.
             */
            ends_at?: string | null;
            /** @description Whether no claims are accepted, whatever the time. */
            paused?: boolean;
            /** @description Change the coupon only if it still has this version. */
            version?: number;
        };
        /** @description A coupon. In every read, remaining_amount + claimed_count = amount. */
        Coupon: {
            id: string;
            name: string;
            amount: number;
            remaining_amount: number;
            /** @description Users in the order of their claims, at most 1,000. For admin only, once ADMIN_TOKEN is set. */
            claimed_by?: string[];
            claimed_count: number;
            /** @description Every change of its settings adds 1. */
            version: number;
            /**
             * @description ended: ends_at has passed. paused: as set. scheduled: starts_at has not come. sold_out: no unit remains. open: it can be claimed. The first that applies, by database time.
             * @enum {string}
             */
            state: "ended" | "paused" | "scheduled" | "sold_out" | "open";
            /**
             * Format: date-time
             * @description Only where set.
             */
            starts_at?: string;
            /**
             * Format: date-time
             * @description Only where set.
             */
            ends_at?: string;
            /** @description Only where true. */
            paused?: boolean;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        /** @description A page of coupons. */
        CouponList: {
            data: components["schemas"]["Coupon"][];
            /** @description Send it as `after` to read the next page. null on the last page. */
            next: string | null;
        };
        /** @description An error, in the format of RFC 9457. */
        Problem: {
            /** @description The address of a page that explains the code: /problems/{code}. */
            type: string;
            /** @description The same for every occurrence of the code; not_found says what does not exist. */
            title: string;
            /** @description The HTTP status. */
            status: number;
            /** @description What is wrong with this request, and what to do about it. */
            detail: string;
            /**
             * @description Stable, for programs.
             * @enum {string}
             */
            code: "invalid_request" | "idempotency_key_reused" | "coupon_not_found" | "already_claimed" | "claim_released" | "sale_not_open" | "out_of_stock" | "name_taken" | "claim_pending" | "amount_below_claimed" | "version_conflict" | "not_found" | "method_not_allowed" | "unauthorized" | "user_mismatch" | "host_not_allowed" | "request_timeout" | "payload_too_large" | "unsupported_media_type" | "rate_limited" | "headers_too_large" | "overloaded" | "unavailable" | "internal_error";
            /** @description Stable: one text for each code. */
            error: string;
            /** @description As in the header x-request-id and in the logs. */
            request_id: string;
            /** @description With invalid_request only: every fault, 16 at most. The first is the one of detail. */
            errors?: {
                /** @description A place in the body, as a JSON pointer: #/user_id, or # for the body itself. */
                pointer?: string;
                /** @description A parameter of the path or the query. */
                parameter?: string;
                /** @description A header of the request. */
                header?: string;
                /** @description What is wrong there. */
                detail: string;
            }[];
            /**
             * @description With status 503 only. nothing: nothing was or will be done. unknown: it may have been done or not.
             * @enum {string}
             */
            done?: "nothing" | "unknown";
            /**
             * @description Only with code sale_not_open: why.
             * @enum {string}
             */
            reason?: "ended" | "paused" | "not_started";
            /** @description Where the outcome of the claim is not known: read its status by this id. */
            claim_id?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
