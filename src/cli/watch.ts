import type { Screen } from '../ports/screen.ts'
import { frame } from '../views/words/frame.ts'

/** Shows the text of each result in the place of the one before, until there is none or the user leaves. */
export async function watch<Result>(
  results: AsyncIterable<Result>,
  screen: Screen,
  shown: (result: Result) => () => string,
): Promise<void> {
  const iterator = results[Symbol.asyncIterator]()
  try {
    for (;;) {
      // A look that hangs, on a driver say, does not keep the user from leaving.
      const next = await Promise.race([iterator.next(), screen.left])
      if (next === 'left' || next.done === true) return
      const text = shown(next.value)
      const draw = () => screen.draw(frame(text(), screen.size))
      screen.onResize(draw)
      draw()
    }
  } finally {
    screen.close()
  }
}
