import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** An HTTP proxy that connects (CONNECT) and, for plain HTTP, notes the requests it is asked for and refuses them. */
export class ConnectProxy {
  readonly connects: string[] = [];
  readonly requests: string[] = [];
  /** `USER:PASSWORD` that it wants. */
  secret: string | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request.url!);
      response.writeHead(502).end();
    });
    this.#server.on('connect', ({ url, headers }, socket: Socket) => {
      this.#keep(socket);
      const wanted = this.secret && `Basic ${Buffer.from(this.secret).toString('base64')}`;
      if (wanted !== undefined && headers['proxy-authorization'] !== wanted) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      this.connects.push(url!);
      const [host, port] = url!.split(':') as [string, string];
      const server = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        server.pipe(socket);
        socket.pipe(server);
      });
      this.#keep(server);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
