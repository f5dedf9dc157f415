/** Sends exactly this text. Resolves with the response; its status is 0 if there is none. */
export function rawRequest(
  port: number,
  request: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
  let text = ''
  const done = () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text })
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) => void socket.write(request),
      data(socket, bytes) {
        text += bytes.toString('latin1')
        if (text.includes('\r\n\r\n')) socket.end()
      },
      close: done,
      end: done,
      error: (_, error) => reject(error),
    },
  }).catch(reject)
  return promise
}
