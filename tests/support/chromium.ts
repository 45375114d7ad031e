import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chmod, constants, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
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
  for (const folder of (process.env['PATH'] ?? '').split(delimiter).filter(Boolean))
    for (const command of COMMANDS)
      if (await isProgram(join(folder, command))) return { path: join(folder, command), env: {} };
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'flashclaim');
  const folder = join(cache, `chromium-${PACKAGE.split('@').at(-1)}`);
  if (!(await isProgram(join(folder, 'chromium')))) await downloadInto(folder, cache);
  return {
    path: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'lib'), FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  };
};

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Unpacks beside the target and renames at the end, so that neither a crash nor a second run leaves half a browser. */
const downloadInto = async (target: string, cache: string): Promise<void> => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(`No Chromium was found: install one so that one of ${COMMANDS.join(', ')} is on the PATH.`);
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'download-'));
  try {
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
    const browser = join(folder, 'browser');
    await mkdir(browser);
    await writeFile(join(browser, 'chromium'), await decompress(await readFile(join(from, 'chromium.br'))));
    await chmod(join(browser, 'chromium'), 0o755);
    for (const name of ['al2023', 'fonts']) {
      const tar = join(folder, `${name}.tar`);
      await writeFile(tar, await decompress(await readFile(join(from, `${name}.tar.br`))));
      await run('tar', ['-xf', tar, '-C', browser]);
    }
    await writeFile(join(browser, 'fonts.conf'), fontsOf(target));
    await rename(browser, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The package's own settings look in folders of the service that it is made for. */
const fontsOf = (folder: string): string =>
  `<?xml version="1.0"?><fontconfig><dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`;
