import type { Socket } from 'node:net';

// A response that waits behind another one on its connection (HTTP/1.1 pipelining) has no socket yet, and Node does not emit
// its 'close' when the client leaves. One listener for each socket, because a client may send any number of such requests.
const waiting = new WeakMap<Socket, Set<() => void>>();

/** Calls `onClose` when the socket closes, unless it is forgotten before. */
export function watchSocket(socket: Socket, onClose: () => void): void {
  let all = waiting.get(socket);
  if (all === undefined) {
    const callbacks = new Set<() => void>();
    all = callbacks;
    waiting.set(socket, callbacks);
    socket.once('close', () => {
      for (const callback of callbacks) callback();
    });
  }
  all.add(onClose);
}

export function forgetSocket(socket: Socket, onClose: () => void): void {
  waiting.get(socket)?.delete(onClose);
}
