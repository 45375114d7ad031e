/**
 * Resolves as `something` does.
 * @throws Error where it takes longer than `milliseconds`. A later result or error of it is ignored.
 */
export const withTimeout = async <T>(milliseconds: number, something: Promise<T>): Promise<T> => {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([something, late]);
  } finally {
    clearTimeout(timer);
  }
};
