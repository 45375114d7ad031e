import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { PROBLEMS, type ProblemCode } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { ProblemError } from '../http/problem.ts';
import { problemList, problemPage } from '../http/problem-pages.ts';

/** The pages load nothing. */
const PAGE_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The addresses in the `type` of problems: a page for people explains each code. */
export const problemRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const pages = new Map<string, string>(codes.map((code) => [code, problemPage(code)]));
  const list = problemList();

  app.get('/problems', { schema: { hide: true } }, (_, reply) => sendPage(reply, list));
  app.get(
    '/problems/:code',
    { schema: { hide: true, params: Type.Object({ code: Type.String() }) } },
    (request, reply) => {
      const page = pages.get(request.params.code);
      if (page === undefined)
        throw new ProblemError('not_found', 'No problem type has this code. GET /problems lists all.', {
          title: 'The problem type does not exist',
        });
      return sendPage(reply, page);
    },
  );
};

const sendPage = (reply: FastifyReply, page: string): FastifyReply =>
  reply.type('text/html; charset=utf-8').header('content-security-policy', PAGE_CSP).send(page);
