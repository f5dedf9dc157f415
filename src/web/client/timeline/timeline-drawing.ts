import { colorOf } from '../users.ts'
import type { Bar, HeldBar } from './timeline-bars.ts'
import { ticksOf, type View } from './timeline-view.ts'

export interface Picture {
  readonly bars: readonly Bar[]
  readonly gpus: number
  readonly view: View
  readonly now: number
  readonly pointed: Bar | null
}

const LABELS = 58
const AXIS = 24
const ROW = 26
const GAP = 5

export const heightFor = (gpus: number): number => gpus * ROW + AXIS

/** Draws one row per GPU, with time from left to right. */
export function draw(canvas: HTMLCanvasElement, picture: Picture): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const { width, height } = fitToScreen(canvas)
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(name)
  const x = (at: number) => xOf(at, picture.view, width)
  context.clearRect(0, 0, width, height)
  context.font = `12px ${color('--font')}`
  context.textBaseline = 'middle'

  for (const tick of ticksOf(picture.view, Math.max(2, (width - LABELS) / 86))) {
    context.fillStyle = color('--grid')
    context.fillRect(Math.round(x(tick.at)), 0, 1, height - AXIS)
    context.fillStyle = color('--muted')
    context.textAlign = 'center'
    if (x(tick.at) > LABELS + 16 && x(tick.at) < width - 22)
      context.fillText(tick.label, x(tick.at), height - AXIS / 2 + 2)
  }
  context.textAlign = 'left'
  for (let gpu = 0; gpu < picture.gpus; gpu++) {
    context.fillStyle = color('--track')
    context.fillRect(LABELS, gpu * ROW + GAP / 2, width - LABELS, ROW - GAP)
    context.fillStyle = color('--muted')
    context.fillText(`GPU ${gpu}`, 0, gpu * ROW + ROW / 2)
  }
  for (const bar of picture.bars) {
    const [left, right] = [Math.max(LABELS, x(bar.from)), Math.min(width, x(bar.to))]
    if (right < LABELS || left > width) continue
    const place = { left, right: Math.max(right, left + 1.5), top: bar.gpu * ROW + GAP / 2 }
    const paint = { ink: color('--on-bar'), isPointed: bar === picture.pointed }
    switch (bar.kind) {
      case 'held':
        drawHeld(context, bar, place, paint)
        break
      case 'expected':
        drawExpected(context, colorOf(bar.user), place, { isOpen: bar.end === null, ...paint })
        break
      case 'booked':
        drawBooked(context, bar.user, place, { ...paint, ink: color('--text') })
        break
      case 'drained':
        drawDrained(context, color('--violet'), place, paint)
    }
  }
  context.fillStyle = color('--text')
  if (picture.now >= picture.view.from && picture.now <= picture.view.to) {
    context.fillRect(Math.round(x(picture.now)), 0, 1.5, height - AXIS)
  }
}

interface Place {
  readonly left: number
  readonly right: number
  readonly top: number
}

interface Paint {
  readonly ink: string
  readonly isPointed: boolean
}

const HEIGHT = ROW - GAP

function drawHeld(context: CanvasRenderingContext2D, bar: HeldBar, place: Place, paint: Paint): void {
  const { left, right, top } = place
  const width = right - left
  context.fillStyle = colorOf(bar.user)
  context.globalAlpha = paint.isPointed ? 1 : 0.88
  context.beginPath()
  context.roundRect(left, top, width, HEIGHT, Math.min(3, width / 2))
  context.fill()
  context.globalAlpha = 1
  if (bar.record.type !== 'RUN' && width > 5) {
    // A manual reservation has a stripe at the bottom, so that it differs from a run also without colour.
    context.fillStyle = paint.ink
    context.globalAlpha = 0.45
    context.fillRect(left + 1, top + HEIGHT - 3, width - 2, 2)
    context.globalAlpha = 1
  }
  if (paint.isPointed) {
    context.strokeStyle = paint.ink
    context.lineWidth = 1.5
    context.stroke()
  }
  if (width > 44) drawName(context, bar.user, place, paint.ink)
}

function drawName(
  context: CanvasRenderingContext2D,
  name: string,
  { left, right, top }: Place,
  ink: string,
): void {
  context.save()
  context.beginPath()
  context.rect(left, top, right - left - 4, HEIGHT)
  context.clip()
  context.fillStyle = ink
  context.fillText(name, left + 6, top + HEIGHT / 2 + 0.5)
  context.restore()
}

/** Pale up to the latest end; a thin line without a known end. */
function drawExpected(
  context: CanvasRenderingContext2D,
  color: string,
  { left, right, top }: Place,
  { isOpen, isPointed }: Paint & { readonly isOpen: boolean },
): void {
  context.fillStyle = color
  context.globalAlpha = isPointed ? 0.6 : 0.35
  if (isOpen) context.fillRect(left, top + HEIGHT / 2 - 1.5, right - left, 3)
  else context.fillRect(left, top, right - left, HEIGHT)
  context.globalAlpha = 1
}

/** Pale with a dashed outline. */
function drawBooked(context: CanvasRenderingContext2D, user: string, place: Place, paint: Paint): void {
  const { left, right, top } = place
  context.fillStyle = context.strokeStyle = colorOf(user)
  context.globalAlpha = paint.isPointed ? 0.5 : 0.25
  context.fillRect(left, top, right - left, HEIGHT)
  context.globalAlpha = 1
  context.lineWidth = 1.5
  context.setLineDash([5, 3])
  context.strokeRect(left + 0.75, top + 0.75, Math.max(0, right - left - 1.5), HEIGHT - 1.5)
  context.setLineDash([])
  if (right - left > 44) drawName(context, user, place, paint.ink)
}

/** Hatched. */
function drawDrained(
  context: CanvasRenderingContext2D,
  color: string,
  { left, right, top }: Place,
  { isPointed }: Paint,
): void {
  context.save()
  context.beginPath()
  context.rect(left, top, right - left, HEIGHT)
  context.clip()
  context.strokeStyle = color
  context.lineWidth = isPointed ? 3 : 1.5
  context.beginPath()
  // The lines start at multiples of the distance, so that the pattern does not move with the visible range.
  for (let x = Math.floor(left / HATCH) * HATCH - HEIGHT; x < right; x += HATCH) {
    context.moveTo(x, top + HEIGHT)
    context.lineTo(x + HEIGHT, top)
  }
  context.stroke()
  context.restore()
}

const HATCH = 8

/** The bar at this position of the canvas. */
export function barAt(
  picture: Picture,
  at: { readonly x: number; readonly y: number },
  width: number,
): Bar | null {
  if (at.x < LABELS) return null
  const gpu = Math.floor(at.y / ROW)
  const hit = (bar: Bar) =>
    bar.gpu === gpu &&
    xOf(bar.from, picture.view, width) - 1 <= at.x &&
    at.x <= xOf(bar.to, picture.view, width) + 1
  return picture.bars.findLast(hit) ?? null
}

/** The position in the visible time range: 0 at its left end, 1 at its right end. */
export const partOf = (x: number, width: number): number =>
  Math.min(1, Math.max(0, (x - LABELS) / (width - LABELS)))

const xOf = (at: number, view: View, width: number): number =>
  LABELS + ((at - view.from) / (view.to - view.from)) * (width - LABELS)

/** Sets the resolution of the canvas to that of the screen. Returns the size in CSS pixels. */
function fitToScreen(canvas: HTMLCanvasElement): { readonly width: number; readonly height: number } {
  const { clientWidth: width, clientHeight: height } = canvas
  const ratio = devicePixelRatio || 1
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  canvas.getContext('2d')?.setTransform(ratio, 0, 0, ratio, 0, 0)
  return { width, height }
}
