/** Where progress goes: what it is about, and what there is to say. */
export type Log = (about: string, text: string) => void;
