import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import ts from 'typescript';

const HEADER = `/**
 * The documents of the API, generated from its own OpenAPI document. If the API changes, a test fails, and
 * \`npm test -- client-types --update\` writes this file again.
 */
`;

/** Generates the types of the documents that the API receives and sends, from its `GET /openapi.json`. */
export const generateTypes = async (document: unknown): Promise<string> => {
  const nodes = await openapiTS({ ...(document as OpenAPI3), paths: {} });
  const components = nodes.filter((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'components');
  return HEADER + astToString(components);
};
