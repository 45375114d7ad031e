// Every npm script starts here. This file runs before anything is installed and on whatever Node the machine has,
// so it is plain JavaScript without a dependency. It installs what is missing, then runs a script of ours on the
// Node that package.json names:
//
//   node packages/local-stack/bootstrap.mjs <script.ts> [arguments]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_OLDEST = 20;

/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

const INSTALL_SETTINGS = [
  // npx brings the pinned pnpm, so pnpm need not look for it; and it would want it in the lockfile, which is frozen.
  '--pm-on-fail=ignore',
  // Otherwise pnpm asks before it replaces an older install, and gives up where nobody can answer.
  '--config.confirm-modules-purge=false',
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');
const marker = join(root, 'node_modules', '.flashclaim-lock');

const main = async () => {
  const [script, ...args] = process.argv.slice(2);
  if (!script) return refuse('Usage: node packages/local-stack/bootstrap.mjs <script.ts> [arguments]');
  const major = Number(process.versions.node.split('.')[0]);
  if (major < NODE_OLDEST)
    return refuse(
      `Flashclaim needs Node.js ${NODE_OLDEST} or newer, and this is ${process.versions.node}: install a newer one.`,
    );
  if (process.platform === 'win32')
    return refuse('Flashclaim does not start on Windows itself: start it in WSL, or with docker compose up --build.');
  const failure = await install();
  if (failure !== undefined) return failure;
  return run(join(binaries, 'node'), [script, ...args], { ipc: true });
};

const refuse = (sentence) => {
  console.error(sentence);
  return 1;
};

/** Installs where that is needed. Returns the exit code to end with, or undefined where all is well. */
const install = async () => {
  const wanted = installed();
  const why = reasonToInstall(wanted);
  if (!why) return undefined;
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  console.log(`Installing with ${packageManager}: ${why}.`);
  const code = await run('npx', ['-y', packageManager, 'install', '--frozen-lockfile', ...INSTALL_SETTINGS], {
    ipc: false,
  });
  if (code === 0) {
    writeFileSync(marker, wanted);
    return undefined;
  }
  if (code <= 128)
    console.error(
      'The install failed for the reason above: mend it (is the package registry reachable? is the disk full?) and run the same command again.',
    );
  return code;
};

/** What the marker says after an install of this very lockfile on this kind of machine. */
const installed = () => {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
};

const reasonToInstall = (wanted) => {
  if (!existsSync(join(binaries, 'node'))) return 'nothing is installed yet';
  if (!existsSync(marker)) return 'no complete install is on record';
  if (readFileSync(marker, 'utf8') !== wanted) return 'pnpm-lock.yaml has changed since the last install';
  return undefined;
};

/** Runs a command to its end in the repository's root, passes signals on, and returns the exit code. */
const run = (command, args, { ipc }) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      // The channel tells the script that we are gone, should we be killed.
      stdio: ['inherit', 'inherit', 'inherit', ...(ipc ? ['ipc'] : [])],
      env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` },
    });
    const forget = passSignalsTo(child);
    child.on('error', (error) => {
      forget();
      resolve(refuse(`"${command}" can't be run (${error.message}): is Node.js installed whole, with npm?`));
    });
    child.on('exit', (code, signal) => {
      forget();
      resolve(signal ? 128 + constants.signals[signal] : code);
    });
  });

/** Returns the function that ends it. */
const passSignalsTo = (child) => {
  const terminate = () => child.kill('SIGTERM');
  // A terminal sends Ctrl-C to the child as well: a second one from us would read as "at once".
  const interrupt = () => process.stdin.isTTY || child.kill('SIGINT');
  process.on('SIGINT', interrupt).on('SIGTERM', terminate).on('SIGHUP', terminate);
  const timer = process.env.npm_lifecycle_event ? whenParentIsGone(terminate) : undefined;
  return () => {
    process.off('SIGINT', interrupt).off('SIGTERM', terminate).off('SIGHUP', terminate);
    clearInterval(timer);
  };
};

/** An npm that is killed can't tell us, but then we have another parent. */
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
