/** Reads an option of a command. @throws Error naming the option if it is not a whole number. */
export const wholeNumber = (option: string, value: string): number => {
  if (!/^\d{1,10}$/.test(value)) throw new Error(`${option} must be a whole number, not "${value}".`);
  return Number(value);
};
