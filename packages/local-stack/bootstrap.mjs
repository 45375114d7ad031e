// Every npm script starts here. This file runs before the install, on the Node of the machine, so it is plain
// JavaScript without a dependency. It installs what is missing, then runs a script on the Node of package.json:
//
//   node packages/local-stack/bootstrap.mjs <script.ts> [arguments]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
// `statfsSync` by the default export: a missing name would end an old Node before the sentence about its version.
import fs, { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_OLDEST = 20;

/** How often to check that npm still runs. */
const PARENT_CHECK_MS = 500;

/** Without a network npm would retry for more than a minute, and say nothing. */
const NPX_SETTINGS = ['--yes', '--prefer-offline', '--fetch-retries=1', '--fetch-retry-mintimeout=1000'];

const INSTALL_SETTINGS = [
  // npx runs the pinned pnpm already. Without this, pnpm would look for that version itself, in the frozen lockfile.
  '--pm-on-fail=ignore',
  // Otherwise pnpm asks before it replaces an older install, and fails without a terminal.
  '--config.confirm-modules-purge=false',
];

/** The installer of the npm package `node` starts npm through a shell, of which a newer Node warns. */
const INSTALL_ENV = process.allowedNodeEnvironmentFlags.has('--disable-warning')
  ? { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --disable-warning=DEP0190` }
  : {};

const root = fileURLToPath(new URL('../..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');
const marker = join(root, 'node_modules', '.flashclaim-lock');

/** Node keeps compiled sources here, which spares each process half of its processor time at the start. */
const compileCache = join(root, 'node_modules', '.cache', 'compiled');

/** An install that left less than this failed for want of space. */
const DISK_FULL_BYTES = 50_000_000;

const main = async () => {
  const [script, ...args] = process.argv.slice(2);
  if (!script) return fail('Usage: node packages/local-stack/bootstrap.mjs <script.ts> [arguments]');
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_OLDEST)
    return fail(
      `Flashclaim needs Node.js ${NODE_OLDEST} or newer, but this is ${process.versions.node}: install a newer one.`,
    );
  if (process.platform === 'win32')
    return fail('Flashclaim does not run on Windows directly: start it in WSL, or with docker compose up --build.');
  const failure = await install();
  if (failure !== undefined) return failure;
  return run(join(binaries, 'node'), [script, ...args], { ipc: true });
};

const fail = (sentence) => {
  console.error(sentence);
  return 1;
};

/** Installs if needed. Returns the exit code of a failed install, or undefined. */
const install = async () => {
  const wanted = markerOfThisInstall();
  const why = reasonToInstall(wanted);
  if (!why) return undefined;
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  console.log(`Installing with ${packageManager}: ${why}.`);
  const pnpmInstall = [packageManager, 'install', '--frozen-lockfile', ...INSTALL_SETTINGS];
  const code = await run('npx', [...NPX_SETTINGS, ...pnpmInstall], { ipc: false, env: INSTALL_ENV });
  if (code === 0) {
    writeFileSync(marker, wanted);
    return undefined;
  }
  if (code <= 128) console.error(`${await whyInstallFailed()} Then run the same command again.`);
  return code;
};

/** What a person should do after an install that failed. npm and pnpm print their own reasons before. */
const whyInstallFailed = async () => {
  const full = [root, homedir()].find(isFull);
  if (full) return `The install failed because the disk of ${full} is full: free 1 GB there.`;
  if ((await run('npm', ['ping', '--fetch-retries=0'], { ipc: false, output: 'ignore' })) !== 0)
    return 'The install failed because the package registry does not answer: check the network, and HTTPS_PROXY if you need a proxy.';
  return 'The install failed for the reason above: fix that.';
};

const isFull = (folder) => {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize < DISK_FULL_BYTES;
};

/** The content of the marker after an install of this lockfile on this kind of machine. */
const markerOfThisInstall = () => {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
};

const reasonToInstall = (wanted) => {
  if (!existsSync(join(binaries, 'node'))) return 'nothing is installed yet';
  if (!existsSync(marker)) return 'the last install did not finish';
  if (readFileSync(marker, 'utf8') !== wanted) return 'pnpm-lock.yaml has changed since the last install';
  return undefined;
};

/** Runs a command in the root of the repository, forwards signals to it, and resolves to its exit code. */
const run = (command, args, { ipc, output = 'inherit', env = {} }) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      // The channel breaks if this process is killed; then the script stops too.
      stdio: ['inherit', output, output, ...(ipc ? ['ipc'] : [])],
      env: {
        NODE_COMPILE_CACHE: compileCache,
        ...process.env,
        ...env,
        PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}`,
      },
    });
    const stopForwarding = forwardSignalsTo(child);
    child.on('error', (error) => {
      stopForwarding();
      resolve(fail(`"${command}" can't be run (${error.message}): is Node.js installed with npm?`));
    });
    child.on('exit', (code, signal) => {
      stopForwarding();
      resolve(signal ? 128 + constants.signals[signal] : code);
    });
  });

/** Returns a function that stops forwarding. */
const forwardSignalsTo = (child) => {
  const terminate = () => child.kill('SIGTERM');
  // A terminal sends Ctrl-C to the child as well. A second one from here would mean "stop at once".
  const interrupt = () => process.stdin.isTTY || child.kill('SIGINT');
  process.on('SIGINT', interrupt).on('SIGTERM', terminate).on('SIGHUP', terminate);
  const timer = process.env.npm_lifecycle_event ? whenParentIsGone(terminate) : undefined;
  return () => {
    process.off('SIGINT', interrupt).off('SIGTERM', terminate).off('SIGHUP', terminate);
    clearInterval(timer);
  };
};

/** Calls back when the parent process changes: a killed npm sends no signal. */
const whenParentIsGone = (callback) => {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, PARENT_CHECK_MS);
  timer.unref();
  return timer;
};

process.exitCode = await main();
