import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate for 127.0.0.1 that is its own authority. */
export interface Certificate {
  /** The file with the certificate, to trust it. */
  caFile: string;
  /** The file with certificate and key, for a server. */
  serverFile: string;
  cert: string;
  key: string;
}

/** Makes a new certificate with the program `openssl`: Node itself makes none. */
export const makeCertificate = async (folder: string, name: string): Promise<Certificate> => {
  const [caFile, keyFile, serverFile] = ['crt', 'key', 'pem'].map((end) => join(folder, `${name}.${end}`)) as [
    string,
    string,
    string,
  ];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', caFile],
  ]);
  const [cert, key] = await Promise.all([readFile(caFile, 'utf8'), readFile(keyFile, 'utf8')]);
  await writeFile(serverFile, key + cert, { mode: 0o600 });
  return { caFile, serverFile, cert, key };
};
