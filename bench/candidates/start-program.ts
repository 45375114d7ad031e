import { type ProcessHandle, startProcess } from '@flashclaim/local-stack';
import { StartError } from '@flashclaim/runtime';
import { environmentOf } from '../env.ts';

const HEALTHY_MAX_MS = 30_000;
const LOOK_EVERY_MS = 50;

const unasked = Promise.withResolvers<never>();
/** Rejects when a measured process ends that was not told to: no figure is worth anything then. */
export const someProgramEnded = unasked.promise;

/** Starts one of our programs, given its file as a URL, with none of the settings of this machine. */
export const startProgram = async (
  file: string,
  settings: Record<string, string>,
  nodeArguments: readonly string[] = [],
): Promise<ProcessHandle> => {
  const name = new URL(file).pathname;
  const handle = await startProcess({
    name,
    command: process.execPath,
    args: [...nodeArguments, name],
    env: environmentOf(settings),
  });
  let asked = false;
  handle.exited.then(({ code, signal }) => {
    if (!asked) unasked.reject(new StartError(`${name} ended by itself (${signal ?? `exit code ${code}`}).`));
  });
  return {
    ...handle,
    stop: (graceMs) => {
      asked = true;
      return handle.stop(graceMs);
    },
  };
};

/** @throws StartError where it does not answer in time. */
export const waitUntilHealthy = async (url: string): Promise<void> => {
  const deadline = performance.now() + HEALTHY_MAX_MS;
  while (!(await answers(`${url}/health`))) {
    if (performance.now() > deadline) throw new StartError(`${url} was not well within ${HEALTHY_MAX_MS / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
};

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );
