import type { Screen } from '../ports/screen.ts'
import { frame } from '../views/words/frame.ts'

/** Redraws the screen with each result until the results end or the user leaves. */
export async function watch<Result>(
  results: AsyncIterable<Result>,
  screen: Screen,
  shown: (result: Result) => () => string,
): Promise<void> {
  const iterator = results[Symbol.asyncIterator]()
  try {
    for (;;) {
      // The user can leave even while a probe hangs.
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
