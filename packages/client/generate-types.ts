import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import ts from 'typescript';

const HEADER = `/**
 * The documents of the API as its own OpenAPI document describes them. Generated: where the API changes, a test fails, and
 * \`npm test -- client-types --update\` writes this file anew.
 */
`;

/** The types of the documents that an API takes and sends, from its `GET /openapi.json`. The client itself knows the calls. */
export const generateTypes = async (document: unknown): Promise<string> => {
  const nodes = await openapiTS({ ...(document as OpenAPI3), paths: {} });
  const components = nodes.filter((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'components');
  return HEADER + astToString(components);
};
