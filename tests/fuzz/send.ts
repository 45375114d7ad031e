import type { HttpAnswer, HttpSender } from '@flashclaim/load';
import type { FuzzRequest } from './request.ts';

/** The path of a request, with every value encoded. */
export const addressOf = ({ path, pathValues, query }: FuzzRequest): string => {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(pathValues[name] as string));
  const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return search ? `${filled}?${search}` : filled;
};

export const send = (sender: HttpSender, url: string, request: FuzzRequest): Promise<HttpAnswer> => {
  const { method, headers, credential, contentType, body } = request;
  const { authorization } = credential;
  const credentials = authorization === undefined ? {} : { authorization };
  const type = contentType === undefined ? {} : { 'content-type': contentType };
  return sender.send(url, { method, path: addressOf(request), headers: { ...headers, ...credentials, ...type }, body });
};
