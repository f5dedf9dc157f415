import { Glob } from 'bun'

/** Words and phrases that plain technical English does not need. */
const MARKERS = [
  'shall',
  'whoever',
  'be it',
  'as it were',
  'so many',
  'is to be had',
  'what is over',
  'lest',
  'thereby',
  'curtain',
  'farewell',
]

const FOLDERS = ['src', 'test', 'docs', 'scripts', 'simulation', 'torture', 'bench', 'fuzz']

/** Text that people write: no databases, archives, images or recorded documents. Scripts have no extension. */
const TEXT = /(\.(tsx?|m?js|css|md|c|py|sh)|\/[\w-]+)$/

/** This file has the list. */
const THIS_FILE = 'scripts/plain-words.ts'

/** Phrases may be broken over two lines of text or of a comment. */
const MARKER = new RegExp(
  `\\b(?:${MARKERS.map((words) => words.replaceAll(' ', '[\\s*/#]+')).join('|')})\\b`,
  'gi',
)

/** Each use of a marker word, as `path:line: word`. */
export async function markerWords(): Promise<readonly string[]> {
  const places = ['*.md', ...FOLDERS.map((folder) => `${folder}/**/*`)]
  const all = places.flatMap((names) => [...new Glob(names).scanSync('.')].sort())
  const paths = all.filter((path) => TEXT.test(path) && path !== THIS_FILE)
  return (await Promise.all(paths.map(markersIn))).flat()
}

async function markersIn(path: string): Promise<readonly string[]> {
  const text = await Bun.file(path).text()
  return [...text.matchAll(MARKER)].map(({ 0: words, index }) => {
    const line = text.slice(0, index).split('\n').length
    return `${path}:${line}: ${words.replace(/[\s*/#]+/g, ' ')}`
  })
}
