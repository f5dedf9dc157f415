import type { HistoryRecordDocument } from '../../../views/schemas/usage.ts'
import { colorOf, shownUser } from '../users.ts'
import { ticksOf, type View } from './timeline-view.ts'

/** A reservation on one GPU. */
export interface Bar {
  readonly gpu: number
  readonly user: string
  readonly from: number
  readonly to: number
  readonly record: HistoryRecordDocument
}

export function barOf(record: HistoryRecordDocument, now: number): Bar {
  return {
    gpu: record.gpu_id,
    user: shownUser(record.user, record.account),
    from: Date.parse(record.started_at),
    to: record.ended_at === undefined ? now : Date.parse(record.ended_at),
    record,
  }
}

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
  for (const bar of picture.bars)
    drawBar(context, bar, {
      from: x(bar.from),
      to: x(bar.to),
      isPointed: bar === picture.pointed,
      width,
      ink: color('--on-bar'),
    })
  context.fillStyle = color('--text')
  if (picture.now >= picture.view.from && picture.now <= picture.view.to) {
    context.fillRect(Math.round(x(picture.now)), 0, 1.5, height - AXIS)
  }
}

interface BarPlace {
  readonly from: number
  readonly to: number
  readonly width: number
  readonly isPointed: boolean
  readonly ink: string
}

function drawBar(
  context: CanvasRenderingContext2D,
  bar: Bar,
  { from, to, width, isPointed, ink }: BarPlace,
): void {
  const left = Math.max(LABELS, from)
  const right = Math.min(width, Math.max(to, from + 1.5))
  if (right <= LABELS || left >= width) return
  const top = bar.gpu * ROW + GAP / 2
  context.fillStyle = colorOf(bar.user)
  context.globalAlpha = isPointed ? 1 : 0.88
  context.beginPath()
  context.roundRect(left, top, right - left, ROW - GAP, Math.min(3, (right - left) / 2))
  context.fill()
  context.globalAlpha = 1
  if (bar.record.type === 'MANUAL' && right - left > 5) {
    // A manual reservation has a stripe at the bottom, so that it differs from a run also without colour.
    context.fillStyle = ink
    context.globalAlpha = 0.45
    context.fillRect(left + 1, top + ROW - GAP - 3, right - left - 2, 2)
    context.globalAlpha = 1
  }
  if (isPointed) {
    context.strokeStyle = ink
    context.lineWidth = 1.5
    context.stroke()
  }
  if (right - left > 44) {
    context.save()
    context.beginPath()
    context.rect(left, top, right - left - 4, ROW - GAP)
    context.clip()
    context.fillStyle = ink
    context.fillText(bar.user, left + 6, top + (ROW - GAP) / 2 + 0.5)
    context.restore()
  }
}

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
