import { type ProcessHandle, startProcess } from '@flashclaim/local-stack';
import { StartError } from '@flashclaim/runtime';
import { environmentOf } from '../env.ts';

const HEALTHY_MAX_MS = 30_000;
const CHECK_EVERY_MS = 50;

const unexpectedExit = Promise.withResolvers<never>();
/** Rejects when a measured process ends unexpectedly: then no figure is valid. */
export const someProgramEnded = unexpectedExit.promise;

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
  let isStopped = false;
  handle.exited.then(({ code, signal }) => {
    if (!isStopped)
      unexpectedExit.reject(new StartError(`${name} ended unexpectedly (${signal ?? `exit code ${code}`}).`));
  });
  return {
    ...handle,
    stop: (graceMs) => {
      isStopped = true;
      return handle.stop(graceMs);
    },
  };
};

/** @throws StartError if it is not healthy in time. */
export const waitUntilHealthy = async (url: string): Promise<void> => {
  const deadline = performance.now() + HEALTHY_MAX_MS;
  while (!(await answers(`${url}/health`))) {
    if (performance.now() > deadline) throw new StartError(`${url} was not healthy within ${HEALTHY_MAX_MS / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
  }
};

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );
