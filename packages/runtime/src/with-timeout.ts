/**
 * Waits for something so long at most.
 * @throws Error where it takes longer; what it comes to then is nobody's business any more.
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
