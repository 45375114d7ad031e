import { readFileSync } from 'node:fs';
import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { envSchema } from 'env-schema';
import { withoutPassword } from './without-password.ts';

/** Why a program does not start. Its message is a sentence that says what to change, and is printed without a stack. */
export class StartError extends Error {
  override name = 'StartError';
}

/**
 * Reads settings from the environment, by their schema. An empty variable counts as unset. A secret (`writeOnly`) may be in a
 * file instead, which the variable `NAME_FILE` names.
 * @throws StartError that names the variable and the rule that it breaks.
 */
export const readSettings = <P extends TProperties>(
  properties: P,
  environment: NodeJS.ProcessEnv,
): Static<ReturnType<typeof Type.Object<P>>> => {
  const schema = Type.Object(properties);
  const variables = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const data = { ...variables, ...readFiles(properties, variables) };
  try {
    return envSchema({ schema, data, env: false });
  } catch (error) {
    throw new StartError(sentence(error, properties, data));
  }
};

/** The secrets that are in files, by the names of their settings. */
const readFiles = (properties: TProperties, variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const secrets: NodeJS.ProcessEnv = {};
  for (const [name, { writeOnly }] of Object.entries(properties)) {
    const file = variables[`${name}_FILE`];
    if (!writeOnly || file === undefined) continue;
    if (variables[name] !== undefined)
      throw new StartError(`The settings ${name} and ${name}_FILE are both set, but only one of them may be.`);
    secrets[name] = readSecret(`${name}_FILE`, file);
  }
  return secrets;
};

const readSecret = (name: string, file: string): string => {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(`The setting ${name} is "${file}", but this file can't be read (${code}).`);
  }
  // As an unset variable it could open what the secret closes.
  if (text === '') throw new StartError(`The setting ${name} is "${file}", but this file is empty.`);
  return text;
};

interface Fault {
  instancePath: string;
  message?: string;
}

const sentence = (error: unknown, properties: TProperties, data: NodeJS.ProcessEnv): string => {
  const fault = (error as { errors?: Fault[] }).errors?.[0];
  const name = fault?.instancePath.slice(1).split('/')[0] ?? '';
  const property = properties[name];
  if (!fault || !property) return `A setting is wrong: ${(error as Error).message}.`;
  const choices = (property['anyOf'] as { const: string }[] | undefined)?.map((choice) => choice.const).join(', ');
  const rule = choices ? `must be one of ${choices}` : (fault.message ?? 'is wrong');
  const shown = property['writeOnly'] ? '(not shown)' : `"${withoutPassword(data[name] ?? '')}"`;
  return `The setting ${name} is ${shown}, but it ${rule}.`;
};
