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

/** The file with the list itself. */
const OWN = 'scripts/plain-words.ts'

/** Files that are not rewritten yet. Nothing is added to this list; remove a file once it is clean. */
const EXCEPTED: readonly string[] = ['simulation/mutants/waiting.ts']

/** Phrases may be broken over two lines of text or of a comment. */
const MARKER = new RegExp(
  `\\b(?:${MARKERS.map((words) => words.replaceAll(' ', '[\\s*/#]+')).join('|')})\\b`,
  'gi',
)

/** Each use of a marker word, as `path:line: word`; and the excepted files that have none any more. */
export async function markerWords(): Promise<{ found: readonly string[]; clean: readonly string[] }> {
  const places = ['*.md', ...FOLDERS.map((folder) => `${folder}/**/*`)]
  const all = places.flatMap((names) => [...new Glob(names).scanSync('.')].sort())
  const paths = all.filter((path) => TEXT.test(path) && path !== OWN)
  const found = new Map(await Promise.all(paths.map(async (path) => [path, await markersIn(path)] as const)))
  return {
    found: [...found].flatMap(([path, uses]) => (EXCEPTED.includes(path) ? [] : uses)),
    clean: EXCEPTED.filter((path) => (found.get(path) ?? []).length === 0),
  }
}

async function markersIn(path: string): Promise<readonly string[]> {
  const text = await Bun.file(path).text()
  return [...text.matchAll(MARKER)].map(({ 0: words, index }) => {
    const line = text.slice(0, index).split('\n').length
    return `${path}:${line}: ${words.replace(/[\s*/#]+/g, ' ')}`
  })
}
