import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Why a request is not answered. */
export interface Refused {
  readonly status: number;
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GuardOptions {
  /** Demanded of every request where there is one. */
  readonly token: string | undefined;
  /** Names in Host, besides addresses and localhost. */
  readonly names: readonly string[];
}

type Asked = Pick<IncomingMessage, 'headers'>;

/**
 * Who may ask. A page of another origin must not read or ask anything through a visitor's browser: its name in
 * Host gives DNS rebinding away, which no address in Host can be, and its Origin everything else.
 */
export class Guard {
  readonly #token: Buffer | undefined;
  readonly #names: ReadonlySet<string>;

  constructor({ token, names }: GuardOptions) {
    this.#token = token === undefined ? undefined : digestOf(token);
    this.#names = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);
  }

  /** `undefined` where the request may be answered. */
  refusal({ headers }: Asked): Refused | undefined {
    const host = hostOf(headers.host);
    if (host === undefined || !this.#knows(host.name)) {
      const said = JSON.stringify(headers.host ?? '');
      return { status: 403, reason: `The host ${said} is not known here: name it in web.names.` };
    }
    if (headers.origin !== undefined && !isSameOrigin(headers.origin, headers.host!)) {
      return { status: 403, reason: 'Pages of another origin may not ask here.' };
    }
    if (this.#token !== undefined && !this.#holdsToken(headers.authorization)) {
      const challenge = {
        'WWW-Authenticate': 'Basic realm="intentd: the token is the password", charset="UTF-8"',
      };
      return {
        status: 401,
        reason: 'Expected the token, as Bearer or as the password of Basic.',
        headers: challenge,
      };
    }
    return undefined;
  }

  #knows(name: string): boolean {
    return isIP(name) !== 0 || this.#names.has(name);
  }

  #holdsToken(authorization = ''): boolean {
    const [, scheme, given] = /^(Bearer|Basic) +([^ ]+)$/i.exec(authorization) ?? [];
    if (scheme === undefined || given === undefined) return false;
    const token = scheme.toLowerCase() === 'bearer' ? given : passwordIn(given);
    return timingSafeEqual(digestOf(token), this.#token!);
  }
}

function hostOf(header: string | undefined): { name: string } | undefined {
  const url = `http://${header ?? ''}/`;
  // Nothing but a host and its port: a user name or a path would make the rest look like one.
  if (header === undefined || !/^[A-Za-z0-9.:[\]-]+$/.test(header) || !URL.canParse(url)) return undefined;
  return { name: new URL(url).hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase() };
}

function isSameOrigin(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: of } = new URL(origin);
  // Behind a proxy with TLS the page's scheme is another one than ours.
  return ['http:', 'https:'].includes(protocol) && of === new URL(`${protocol}//${host}/`).host;
}

function passwordIn(basic: string): string {
  const text = Buffer.from(basic, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}

/** Of equal length for any token, so that comparing takes equally long. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
