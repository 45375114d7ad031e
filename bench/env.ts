/**
 * Removes addresses of other stores from the environment, because the bench starts its own. Nothing else in the bench reads
 * the environment.
 */
export const forgetNamedStores = (): void => {
  delete process.env['MONGO_URI'];
  delete process.env['REDIS_URL'];
};

/** The whole environment of a measured process, so that variables of this machine do not change a figure. */
export const environmentOf = (settings: Record<string, string>): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NODE_ENV: 'production',
  LOG_LEVEL: 'warn',
  ...settings,
});

/** The folders in which programs are searched. */
export const searchPath = (): string[] => (process.env['PATH'] ?? '').split(':').filter(Boolean);

/** A setting that the bench must have passed to this process. */
export const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`The setting ${name} is missing: only the bench can start this program.`);
  return value;
};
