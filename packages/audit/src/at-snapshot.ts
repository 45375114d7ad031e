/** Options of every read. The read concern is explicit because the connection's own would override the snapshot silently. */
export const AT_SNAPSHOT = { readConcern: 'snapshot', allowDiskUse: true } as const;
