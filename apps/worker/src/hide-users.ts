/** To the end of the line: a user's id may hold quotes and brackets, but no line break. */
const DUPLICATED = /dup key: [^\n]*/g;

/**
 * Takes the users out of what MongoDB says of a duplicate key. BullMQ keeps an error's message and stack with its job, where
 * Bull Board shows them, and they go into logs and traces. It stays the same error otherwise, for whoever judges it.
 */
export const hideUsers = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  const hide = (text: string): string => text.replaceAll(DUPLICATED, 'dup key: {…}');
  // The stack first: it is made of the message when it is first asked for.
  const stack = hide(error.stack ?? '');
  error.message = hide(error.message);
  error.stack = stack;
  return error;
};
