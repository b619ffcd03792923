import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const haveOpenssl = spawnSync('openssl', ['version']).status === 0;

const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Authorities and what they certify, made by openssl: `NAME.pem` and `NAME.key` in a folder. */
export class Certificates {
  readonly folder = mkdtempSync(join(tmpdir(), 'intentd-tls-'));

  authority(name: string): void {
    this.#openssl(
      'req',
      '-x509',
      ...ec,
      '-days',
      '2',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
    );
  }

  /** A server certificate of the authority `ca` for a subject alternative name, valid for `days` (−1: expired). */
  server(name: string, san: string, days = 2): void {
    this.#openssl('req', ...ec, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    writeFileSync(join(this.folder, `${name}.ext`), `subjectAltName=${san}\n`);
    this.#openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    );
  }

  pem(name: string): string {
    return readFileSync(join(this.folder, `${name}.pem`), 'utf8');
  }

  pair(name: string): { key: string; cert: string } {
    return { key: readFileSync(join(this.folder, `${name}.key`), 'utf8'), cert: this.pem(name) };
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'ignore' });
  }
}
