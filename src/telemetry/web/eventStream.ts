import type { IncomingMessage, ServerResponse } from 'node:http';

const maxClients = 16;
/** What a client may leave unread before it is let go. */
const maxUnreadBytes = 1 << 20;

/** Pages that listen to server-sent events: so many at most, and none that reads too slowly. */
export class EventStream {
  readonly #clients = new Set<ServerResponse>();

  get clients(): number {
    return this.#clients.size;
  }

  /**
   * Makes a response a stream that begins with `hello`.
   *
   * @returns whether there was room for it; the response is untouched where not
   */
  add(request: IncomingMessage, response: ServerResponse, hello: () => object): boolean {
    if (this.#clients.size >= maxClients) return false;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'X-Accel-Buffering': 'no',
    });
    request.socket.setNoDelay(true);
    this.#clients.add(response);
    response.once('close', () => this.#clients.delete(response));
    response.write(encode('hello', hello()));
    return true;
  }

  /** Sends to all who listen. */
  send(event: string, data: object): void {
    if (this.#clients.size === 0) return;
    const text = encode(event, data);
    for (const client of this.#clients) {
      if (client.writableLength > maxUnreadBytes) client.destroy();
      else client.write(text);
    }
  }
}

function encode(event: string, data: object): string {
  // JSON has no line break outside of strings, and writes those within as \n.
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
