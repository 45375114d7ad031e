/** Runs as a process of its own, in the folder that is to hold `mongod`. */
import { copyFile } from 'node:fs/promises';
import { MongoBinary } from 'mongodb-memory-server-core';

try {
  const path = await MongoBinary.getPath({ downloadDir: process.cwd(), checkMD5: true });
  await copyFile(path, 'mongod');
  // Its progress ends without a line break.
  if (process.stdout.isTTY) console.log();
} catch (error) {
  // The reason in one line: the first lines of some errors are an URL and a status.
  console.error((error as Error).message.replaceAll(/\s*\n\s*/g, '; '));
  process.exit(1);
}
