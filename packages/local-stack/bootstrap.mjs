// Every npm script starts here. This file runs before the install, on the Node of the machine, so it is plain
// JavaScript without a dependency. It installs what is missing, then runs a script on the Node of package.json:
//
//   node packages/local-stack/bootstrap.mjs <script.ts> [arguments]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_OLDEST = 20;

/** How often to check that npm still runs. */
const PARENT_CHECK_MS = 500;

const INSTALL_SETTINGS = [
  // npx runs the pinned pnpm already. Without this, pnpm would look for that version itself, in the frozen lockfile.
  '--pm-on-fail=ignore',
  // Otherwise pnpm asks before it replaces an older install, and fails without a terminal.
  '--config.confirm-modules-purge=false',
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const binaries = join(root, 'node_modules', '.bin');
const marker = join(root, 'node_modules', '.flashclaim-lock');

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
  const code = await run('npx', ['-y', packageManager, 'install', '--frozen-lockfile', ...INSTALL_SETTINGS], {
    ipc: false,
  });
  if (code === 0) {
    writeFileSync(marker, wanted);
    return undefined;
  }
  if (code <= 128)
    console.error(
      'The install failed for the reason above. Fix it (is the package registry reachable? is the disk full?) and run the same command again.',
    );
  return code;
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
const run = (command, args, { ipc }) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      // The channel breaks if this process is killed; then the script stops too.
      stdio: ['inherit', 'inherit', 'inherit', ...(ipc ? ['ipc'] : [])],
      env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH ?? ''}` },
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
