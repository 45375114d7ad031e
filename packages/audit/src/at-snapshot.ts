/** Said with every read: the connection's own read concern would silently win. */
export const AT_SNAPSHOT = { readConcern: 'snapshot', allowDiskUse: true } as const;
