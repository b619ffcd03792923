import type { Socket } from 'node:net';

/**
 * What of one client is read in a turn of the event loop, in bytes: some fifty requests. What was answered goes
 * out between turns, and no client keeps the others waiting for all that it sent.
 */
const readPerTurn = 8 * 1024;

/** Sets up a client's socket for a broker that writes packets in small pieces and reads whatever is there. */
export function tameSocket(socket: Socket): void {
  readInTurns(socket);
  new GatheredWrites(socket).begin();
}

/**
 * Lets a read without a size give at most `readPerTurn`. What is left is announced again in the next turn, and
 * not given before: aedes asks for more while it still parses what it got.
 */
function readInTurns(socket: Socket): void {
  const read = socket.read.bind(socket);
  let announced = false;
  socket.read = (size?: number | null): unknown => {
    if (typeof size === 'number') return read(size);
    if (announced) return null;
    if (socket.readableLength <= readPerTurn) return read();
    announced = true;
    setImmediate(() => {
      announced = false;
      socket.emit('readable');
    });
    return read(readPerTurn);
  };
}

/** What goes to a client in one turn of the event loop goes out in one piece: each piece is a system call. */
class GatheredWrites {
  readonly #socket: Socket;
  readonly #write: (bytes: Uint8Array) => boolean;
  #pieces: (string | Uint8Array)[] = [];
  #bytes = 0;
  /** Whoever wrote was told to wait for `drain`. */
  #full = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#write = socket.write.bind(socket);
  }

  begin(): void {
    const socket = this.#socket;
    // Packets are corked one by one, which would only add to what gathering does.
    socket.cork = () => undefined;
    socket.write = (piece: string | Uint8Array): boolean => this.#gather(piece);
  }

  #gather(piece: string | Uint8Array): boolean {
    if (this.#pieces.length === 0) {
      setImmediate(() => {
        this.#flush();
      });
    }
    this.#pieces.push(piece);
    this.#bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
    if (this.#bytes + this.#socket.writableLength < this.#socket.writableHighWaterMark) return true;
    this.#full = true;
    return false;
  }

  #flush(): void {
    const bytes = Buffer.allocUnsafe(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') at += bytes.write(piece, at);
      else {
        bytes.set(piece, at);
        at += piece.length;
      }
    }
    this.#pieces = [];
    this.#bytes = 0;
    if (this.#socket.destroyed) return;
    const taken = this.#write(bytes);
    // Where it was not taken at once, the socket says itself when there is room.
    if (taken && this.#full) this.#socket.emit('drain');
    this.#full = false;
  }
}
