import { type Static, type TProperties, Type } from '@sinclair/typebox';
import { envSchema } from 'env-schema';
import { withoutPassword } from './without-password.ts';

/** Why a program does not start. Its message is a sentence that says what to change, and is printed without a stack. */
export class StartError extends Error {
  override name = 'StartError';
}

/**
 * Reads settings from the environment, by their schema. An empty variable counts as unset.
 * @throws StartError that names the variable and the rule that it breaks.
 */
export const readSettings = <P extends TProperties>(
  properties: P,
  environment: NodeJS.ProcessEnv,
): Static<ReturnType<typeof Type.Object<P>>> => {
  const schema = Type.Object(properties);
  const data = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  try {
    return envSchema({ schema, data, env: false });
  } catch (error) {
    throw new StartError(sentence(error, properties, data));
  }
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
