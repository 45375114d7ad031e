/** Writes a progress message. `about` names the part. */
export type Log = (about: string, text: string) => void;
