import { bundleClient } from './bundle-client.ts' with { type: 'macro' }
import { FAVICON, type PageFiles, page } from './page.ts'

/** One file of the page. */
export interface Asset {
  readonly response: (request: Request) => Response
}

/** The files of the dashboard by their addresses, and the addresses by name. The executable contains all files. */
export function openAssets(title: string): {
  readonly assets: ReadonlyMap<string, Asset>
  readonly files: PageFiles
} {
  const { script, style, docsStyle, boot, repository } = bundleClient()
  const named = {
    script: withName('app', 'js', script),
    style: withName('app', 'css', style),
    docsStyle: withName('docs', 'css', docsStyle),
    boot: withName('boot', 'js', boot),
  }
  const files = {
    script: named.script.path,
    style: named.style.path,
    docsStyle: named.docsStyle.path,
    boot: named.boot.path,
  }
  const assets = new Map([
    ['/', htmlAsset(page(files, { title, repository }))],
    ['/favicon.svg', asset(FAVICON, 'image/svg+xml', 'public, max-age=86400')],
    ...Object.values(named).map(({ path, text }) => [path, asset(text, typeOf(path), FOREVER)] as const),
  ])
  return { assets, files }
}

export const htmlAsset = (html: string): Asset => asset(html, 'text/html; charset=utf-8', 'no-cache')

/** Browsers may cache these files without a limit, because a file with other contents has another name. */
const FOREVER = 'public, max-age=31536000, immutable'

function withName(
  name: string,
  ending: string,
  text: string,
): { readonly path: string; readonly text: string } {
  return { path: `/assets/${name}-${Bun.hash(text).toString(36)}.${ending}`, text }
}

const typeOf = (path: string): string => `text/${path.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`

function asset(text: string, type: string, cacheControl: string): Asset {
  const bytes = new TextEncoder().encode(text)
  let compressed: Uint8Array<ArrayBuffer> | undefined
  const headers = { 'content-type': type, 'cache-control': cacheControl, vary: 'accept-encoding' }
  return {
    response(request) {
      if (!/\bgzip\b/.test(request.headers.get('accept-encoding') ?? ''))
        return new Response(bytes, { headers })
      compressed ??= Bun.gzipSync(bytes)
      return new Response(compressed, { headers: { ...headers, 'content-encoding': 'gzip' } })
    },
  }
}
