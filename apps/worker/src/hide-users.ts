/** Up to the end of the line: a user id may contain quotes and brackets, but no line break. */
const DUPLICATED = /dup key: [^\n]*/g;

/**
 * Removes user ids from MongoDB's error for a duplicate key. BullMQ stores the message and the stack with the job, Bull Board
 * shows them, and logs and traces contain them. The error object stays the same, so its type and code can still be checked.
 */
export const hideUsers = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  const hide = (text: string): string => text.replaceAll(DUPLICATED, 'dup key: {…}');
  // The stack first, because it is built from the message on first access.
  const stack = hide(error.stack ?? '');
  error.message = hide(error.message);
  error.stack = stack;
  return error;
};
