import type { FastifyReply } from 'fastify';

/** Adds a header of the request to `Vary`: the answer depends on it. */
export const addVary = (reply: FastifyReply, name: string): FastifyReply => {
  const others = reply.getHeader('vary');
  return reply.header('vary', others === undefined ? name : `${others}, ${name}`);
};
