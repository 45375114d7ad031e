/** Downloads `mongod` into the current folder. Runs as a separate process. */
import { copyFile } from 'node:fs/promises';
import { MongoBinary } from 'mongodb-memory-server-core';

try {
  const path = await MongoBinary.getPath({ downloadDir: process.cwd(), checkMD5: true });
  await copyFile(path, 'mongod');
} catch (error) {
  // In one line: the reason may follow after lines with a URL and a status.
  console.error((error as Error).message.replaceAll(/\s*\n\s*/g, '; '));
  process.exit(1);
}
