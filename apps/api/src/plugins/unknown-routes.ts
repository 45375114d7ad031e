import { URL_PARAMETER_MAX_CHARS } from '@flashclaim/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import findMyWay, { type HTTPMethod } from 'find-my-way';
import { sendProblem } from '../http/problem.ts';

/**
 * Answers requests without a route, before their body is read: 404 for an unknown address, 405 with `Allow` where the address
 * takes other methods, 204 with `Allow` for OPTIONS. Includes the routes that are registered after this.
 *
 * Fastify's router does not say which methods an address takes, so a second router of the same library contains every route
 * again. Only requests without a route use it.
 */
export const unknownRoutes = fp(
  async (app) => {
    const known = findMyWay({ maxParamLength: URL_PARAMETER_MAX_CHARS });
    const methods = new Set<HTTPMethod>();
    app.addHook('onRoute', ({ method, url }) => {
      // The route that @fastify/cors needs for preflights.
      if (url === '*') return;
      for (const one of [method].flat() as HTTPMethod[]) {
        methods.add(one);
        if (!known.hasRoute(one, url)) known.on(one, url, () => {});
      }
    });

    const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
      const allowed = [...methods].filter((method) => known.find(method, request.url)).sort();
      const what = `${request.method} ${request.url.slice(0, URL_SHOWN_CHARS)}`;
      // A route may exist and find nothing: static files are looked up in its handler.
      if (allowed.length === 0 || allowed.includes(request.method as HTTPMethod))
        return sendProblem(reply, 'not_found', `There is no ${what}.`);
      reply.header('allow', allowed.join(', '));
      if (request.method === 'OPTIONS') return reply.code(204).send();
      return sendProblem(reply, 'method_not_allowed', `There is no ${what}. The address takes ${allowed.join(', ')}.`);
    };
    app.addHook('onRequest', (request, reply, done) => {
      if (request.is404) answer(request, reply);
      else done();
    });
    app.setNotFoundHandler(answer);
  },
  { name: 'unknown-routes', dependencies: ['errors'] },
);

/** Characters of an address that an answer contains. */
const URL_SHOWN_CHARS = 200;
