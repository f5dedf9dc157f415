import { useEffect, useState } from 'preact/hooks'

/** Throws the server's message where the answer is an error. */
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

/** The document at the address, fetched again when the address or `occasion` changes. The last one stays until then. */
export function useJson<Document>(path: string, occasion: unknown): Loaded<Document> {
  const [loaded, setLoaded] = useState<Loaded<Document>>({ kind: 'loading', last: null })
  useEffect(() => {
    const asking = new AbortController()
    getJson<Document>(path, asking.signal)
      .then((last) => setLoaded({ kind: 'loaded', last }))
      .catch((error: unknown) => {
        if (asking.signal.aborted) return
        const reason = error instanceof Error ? error.message : String(error)
        setLoaded(({ last }) => ({ kind: 'failed', reason, last }))
      })
    return () => asking.abort()
  }, [path, occasion])
  return loaded
}
