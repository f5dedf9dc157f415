import { useEffect, useRef } from 'preact/hooks'
import type { Bar } from './timeline-bars.ts'
import { barAt, draw, heightFor, type Picture, partOf } from './timeline-drawing.ts'
import { panned, type View, zoomed } from './timeline-view.ts'

interface TimelineCanvasProps {
  readonly picture: Picture
  readonly isDark: boolean
  readonly move: (change: (view: View, now: number) => View) => void
  readonly point: (bar: Bar | null) => void
}

/** The canvas, controlled by mouse, touch and keyboard. */
export function TimelineCanvas({ picture, isDark, move, point }: TimelineCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const draggedFrom = useRef<number | null>(null)
  useEffect(() => {
    const { current } = canvas
    if (current === null) return
    const redraw = () => draw(current, picture)
    redraw()
    const resizeObserver = new ResizeObserver(redraw)
    resizeObserver.observe(current)
    return () => resizeObserver.disconnect()
  }, [picture, isDark])
  useEffect(() => {
    const { current } = canvas
    if (current === null) return
    // The wheel alone scrolls the page.
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return
      event.preventDefault()
      const around = partOf(event.offsetX, current.clientWidth)
      if (event.ctrlKey || event.metaKey)
        move((view, now) => zoomed(view, 1.002 ** event.deltaY, around, now))
      else move((view, now) => panned(view, event.deltaX / current.clientWidth, now))
    }
    current.addEventListener('wheel', onWheel, { passive: false })
    return () => current.removeEventListener('wheel', onWheel)
  }, [])

  const onPointerMove = (event: PointerEvent) => {
    const { current } = canvas
    if (current === null) return
    const width = current.clientWidth
    if (draggedFrom.current === null)
      return point(barAt(picture, { x: event.offsetX, y: event.offsetY }, width))
    const by = (draggedFrom.current - event.offsetX) / width
    draggedFrom.current = event.offsetX
    move((view, now) => panned(view, by, now))
  }
  return (
    <canvas
      ref={canvas}
      class="timeline"
      style={{ height: `${heightFor(picture.gpus)}px` }}
      role="img"
      tabIndex={0}
      aria-label="The holders of each GPU over time, with bookings, drains and expected ends. The arrow keys move the timeline, plus and minus zoom. The table below has the same data."
      onPointerDown={(event) => {
        draggedFrom.current = event.offsetX
        canvas.current?.setPointerCapture(event.pointerId)
      }}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        draggedFrom.current = null
      }}
      onPointerCancel={() => {
        draggedFrom.current = null
      }}
      onPointerLeave={() => point(null)}
      onKeyDown={(event) => {
        const change = KEYS[event.key]
        if (change === undefined) return
        event.preventDefault()
        move(change)
      }}
    />
  )
}

const KEYS: Readonly<Record<string, (view: View, now: number) => View>> = {
  ArrowLeft: (view, now) => panned(view, -0.1, now),
  ArrowRight: (view, now) => panned(view, 0.1, now),
  '+': (view, now) => zoomed(view, 0.7, 0.5, now),
  '=': (view, now) => zoomed(view, 0.7, 0.5, now),
  '-': (view, now) => zoomed(view, 1.4, 0.5, now),
}
