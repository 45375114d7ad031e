import { URL_PARAMETER_MAX_CHARS } from '@flashclaim/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import { sendProblem } from '../http/problem.ts';

/**
 * What no route takes: 404 where nothing is, 405 with `Allow` where another method is taken, and OPTIONS is told what may be
 * asked. Answered before any body is read. Routes that are registered after this are known.
 *
 * Fastify's router tells only that a method has no such route, so a second one of the same make holds every route again. It
 * is asked here alone, and costs other requests nothing.
 */
export const unknownRoutes = fp(
  async (app) => {
    const known = findMyWay({ maxParamLength: URL_PARAMETER_MAX_CHARS });
    const methods = new Set<HTTPMethod>();
    app.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat() as HTTPMethod[]) {
        methods.add(one);
        if (!known.hasRoute(one, url)) known.on(one, url, () => {});
      }
    });

    const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
      const allowed = [...methods].filter((method) => known.find(method, request.url)).sort();
      const what = `${request.method} ${request.url.slice(0, URL_SHOWN_CHARS)}`;
      // A route that is there may have found nothing: who serves files finds out late.
      if (allowed.length === 0 || allowed.includes(request.method as HTTPMethod))
        return sendProblem(reply, 'not_found', `There is no ${what}.`);
      reply.header('allow', allowed.join(', '));
      if (request.method === 'OPTIONS') return reply.code(204).send();
      return sendProblem(reply, 'method_not_allowed', `There is no ${what}: the address takes ${allowed.join(', ')}.`);
    };
    app.addHook('onRequest', (request, reply, done) => {
      if (request.is404) answer(request, reply);
      else done();
    });
    app.setNotFoundHandler(answer);
  },
  { name: 'unknown-routes', dependencies: ['errors'] },
);

/** Of an address, in an answer. */
const URL_SHOWN_CHARS = 200;
