/**
 * The only place here that reads the environment. The bench brings its own stores, so addresses of others are forgotten
 * before anything can honour them.
 */
export const forgetNamedStores = (): void => {
  delete process.env['MONGO_URI'];
  delete process.env['REDIS_URL'];
};

/** The whole environment of a measured process: nothing that happens to be set on this machine changes a figure. */
export const environmentOf = (settings: Record<string, string>): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  NODE_ENV: 'production',
  LOG_LEVEL: 'warn',
  ...settings,
});

/** The folders in which programs are looked for. */
export const searchPath = (): string[] => (process.env['PATH'] ?? '').split(':').filter(Boolean);

/** A setting that whoever started this process must have given. */
export const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`The setting ${name} is missing: the bench starts this program, nobody else.`);
  return value;
};
