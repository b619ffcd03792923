import { BlockList, isIP } from 'node:net';
import { IntentdError } from '../../base/index.js';

export interface ProxySettings {
  /** `http://HOST[:PORT]` or `https://…`; over what the environment says. */
  readonly url?: string | undefined;
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of it count, in capitals or not. */
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * The proxy by which a URL is reached, if any.
 *
 * @throws IntentdError `bad_source` where what is named is no proxy
 */
export function proxyFor(url: URL, { url: configured, environment }: ProxySettings): URL | undefined {
  const lookUp = (name: string): string | undefined => environment[name] ?? environment[name.toUpperCase()];
  const text = configured ?? lookUp(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy');
  if (text === undefined || text === '' || isExempt(url, lookUp('no_proxy') ?? '')) return undefined;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !['http:', 'https:'].includes(proxy.protocol)) {
    // Not repeated: it may hold a password.
    throw new IntentdError(
      'bad_source',
      'The proxy is none: expected http://HOST:PORT or https://HOST:PORT.',
    );
  }
  return proxy;
}

/** What `Proxy-Authorization` must say, where the proxy's URL has a user. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Whether `NO_PROXY` names the host: itself, a domain above it, a network, or `*`; with a port, that port only. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => {
      if (entry === '') return false;
      if (entry === '*' || isInNetwork(host, entry)) return true;
      const [, name, only] = /^(.*?)(?::(\d+))?$/.exec(entry) as unknown as [string, string, string?];
      const domain = name.replace(/^\*?\./, '');
      return (only === undefined || only === port) && (host === domain || host.endsWith(`.${domain}`));
    });
}

function isInNetwork(host: string, entry: string): boolean {
  const family = isIP(host);
  const [network, bits] = entry.split('/') as [string, string?];
  if (family === 0 || isIP(network) !== family) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const width = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
  if (!Number.isInteger(width) || width < 0 || width > (family === 4 ? 32 : 128)) return false;
  const networks = new BlockList();
  networks.addSubnet(network, width, type);
  return networks.check(host, type);
}
