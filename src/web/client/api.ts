import { useEffect, useState } from 'preact/hooks'

/** The JSON document at this address. Throws an error with the server's message if the request fails. */
export async function getJson<Document>(path: string, signal?: AbortSignal): Promise<Document> {
  const response = await fetch(path, signal === undefined ? {} : { signal })
  const body: unknown = await response.json()
  if (response.ok) return body as Document
  const { error } = body as { readonly error?: { readonly message?: string } }
  throw new Error(error?.message ?? `the server answered ${response.status}`)
}

export type Loaded<Document> =
  | { readonly kind: 'loading'; readonly last: Document | null }
  | { readonly kind: 'loaded'; readonly last: Document }
  | { readonly kind: 'failed'; readonly reason: string; readonly last: Document | null }

/**
 * The document at this address. It is fetched again when the address or `refreshKey` changes; until then, `last` is the
 * previous document.
 */
export function useJson<Document>(path: string, refreshKey: unknown): Loaded<Document> {
  const [loaded, setLoaded] = useState<Loaded<Document>>({ kind: 'loading', last: null })
  useEffect(() => {
    const request = new AbortController()
    getJson<Document>(path, request.signal)
      .then((last) => setLoaded({ kind: 'loaded', last }))
      .catch((error: unknown) => {
        if (request.signal.aborted) return
        const reason = error instanceof Error ? error.message : String(error)
        setLoaded(({ last }) => ({ kind: 'failed', reason, last }))
      })
    return () => request.abort()
  }, [path, refreshKey])
  return loaded
}
