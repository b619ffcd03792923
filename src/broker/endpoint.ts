import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { IntentdError, messageOf } from '../base/index.js';

/** Files for TLS; the system's authorities are trusted where `caFile` is absent. */
export interface TlsFiles {
  readonly caFile?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** How to reach a broker. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Absent: no TLS. */
  readonly tls?: TlsFiles;
}

/**
 * Reads `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`.
 *
 * @throws IntentdError `bad_config` for another scheme
 */
export function parseEndpoint(url: string, tls: TlsFiles): Endpoint {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (protocol === 'mqtt:') return { host, port: port === '' ? 1883 : Number(port) };
  if (protocol === 'mqtts:') return { host, port: port === '' ? 8883 : Number(port), tls };
  throw new IntentdError('bad_config', `broker.url: expected mqtt:// or mqtts://, not ${protocol}//.`);
}

/**
 * Opens a connection, TLS 1.2 or newer where the endpoint says so; the certificate must be valid for
 * the host. Nagle's algorithm is off: with it, a QoS 1 round trip waits for delayed acknowledgements.
 *
 * @throws IntentdError `bad_config` where a TLS file cannot be read
 */
export function openSocket(endpoint: Endpoint): Socket {
  const { host, port, tls } = endpoint;
  if (tls === undefined) return connectTcp({ host, port, noDelay: true, autoSelectFamily: true });
  const options: ConnectionOptions = {
    host,
    port,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.caFile === undefined ? {} : { ca: readPem(tls.caFile) }),
    ...(tls.certFile === undefined ? {} : { cert: readPem(tls.certFile) }),
    ...(tls.keyFile === undefined ? {} : { key: readPem(tls.keyFile) }),
  };
  const socket = connectTls(options);
  socket.setNoDelay(true);
  return socket;
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new IntentdError('bad_config', `The TLS file ${path} cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
}
