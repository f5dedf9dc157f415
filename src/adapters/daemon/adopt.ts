import { close } from '../kernel/libc/descriptors.ts'

export interface SocketEvents {
  /** Called before `adopt` returns. */
  open(socket: Bun.Socket<undefined>): void
  /** The bytes belong to the runtime, which uses their memory again. */
  data(bytes: Uint8Array): void
  drain(): void
  /** Called once; without `open` if the descriptor cannot be watched. */
  close(): void
}

/** Lets the event loop of the runtime read and write a connected descriptor, and close it. */
export function adopt(fd: number, events: SocketEvents): void {
  const options: Bun.FdSocketOptions<undefined> = {
    fd,
    socket: {
      open: (socket) => events.open(socket),
      data: (_socket, bytes) => events.data(bytes),
      drain: () => events.drain(),
      close: () => events.close(),
      error: (socket) => {
        socket.terminate()
      },
      connectError() {
        close(fd)
        events.close()
      },
    },
  }
  // The declaration of `connect` lacks these options. It rejects after `connectError`.
  Bun.connect(options as unknown as Bun.UnixSocketOptions<undefined>).catch(() => {})
}
