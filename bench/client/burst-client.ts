/** Sends the Burst of its argument, which is JSON, in a process of its own. */
import { sendBurst } from '@flashclaim/load';
import { reportResult } from './run-client.ts';

reportResult(await sendBurst(JSON.parse(process.argv[2] ?? '')));
