/** Sends the PacedLoad of its argument, which is JSON, in a process of its own. */
import { sendPaced } from '@flashclaim/load';
import { reportResult } from './run-client.ts';

reportResult(await sendPaced(JSON.parse(process.argv[2] ?? '')));
