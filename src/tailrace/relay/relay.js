// A fetch() whose event streams heal themselves: use it wherever a fetch can be given.
//   new Anthropic({ baseURL: "/claude", fetch: relayFetch })
//   new DefaultChatTransport({ fetch: relayFetch })
// After a break, a stall or a wake-up it asks the relay for the rest (Last-Event-ID) and goes on.
// Only whole events are passed on, so nothing comes twice; the layer above notices nothing.
const wait = (ms, signals) => new Promise((go) => {
  const timer = setTimeout(go, ms)
  for (const [target, name] of signals) target?.addEventListener?.(name, () => { clearTimeout(timer); go() }, { once: true })
})

export async function relayFetch(input, init = {}) {
  const { stall = 25000, patience = 300000, ...options } = init
  const first = await fetch(input, options)
  const isStream = (response) => response.headers.get("content-type")?.startsWith("text/event-stream")
  if (!first.ok || !first.body || !isStream(first)) return first
  const where = new URL(first.headers.get("location") ?? first.url, first.url)
  const signal = options.signal ?? input?.signal
  const page = globalThis.document
  let id = "", heard = Date.now(), reader = first.body.getReader(), left = false

  const again = async () => {
    for (let tries = 0, since = Date.now(); Date.now() - since < patience; tries++) {
      const pause = Math.min(5000, 200 * 2 ** tries) * (0.5 + Math.random() / 2)
      await wait(pause, [[globalThis, "online"], [page, "visibilitychange"], [signal, "abort"]])
      if (left || signal?.aborted) return null
      const headers = new Headers(options.headers ?? input?.headers)
      headers.delete("content-type")
      if (id) headers.set("last-event-id", id)
      const { body, method, ...rest } = options
      // A connection that died in silence may be used again, and its request never be answered.
      const attempt = new AbortController(), give = () => attempt.abort(signal?.reason)
      const late = setTimeout(give, stall)
      signal?.addEventListener("abort", give, { once: true })
      const response = await fetch(where, { ...rest, headers, signal: attempt.signal }).catch(() => null)
      clearTimeout(late)
      if (response?.status === 204) return null
      if (response?.ok && isStream(response)) return response.body.getReader()
      if (response && response.status < 500 && response.status !== 429)
        throw new TypeError(`network error: the stream cannot go on (${response.status})`)
    }
    throw new TypeError("network error: the relay cannot be reached")
  }

  const read = async () => {
    const silent = setInterval(() => Date.now() - heard > stall && reader?.cancel().catch(() => {}), 1000)
    try { return await reader.read() } catch { return { done: true } } finally { clearInterval(silent) }
  }

  const decoder = new TextDecoder("utf-8", { ignoreBOM: true }), encoder = new TextEncoder()
  let text = ""
  const body = new ReadableStream({
    async pull(controller) {
      for (;;) {
        const { done, value } = await read()
        heard = Date.now()
        if (signal?.aborted) return controller.error(signal.reason)
        if (!done) {
          text += decoder.decode(value, { stream: true })
          const end = text.lastIndexOf("\n\n") + 2
          if (end < 2) continue
          const whole = text.slice(0, end)
          text = text.slice(end)
          for (const [, found] of whole.matchAll(/^id: ?(.*)$/gm)) id = found
          return controller.enqueue(encoder.encode(whole))
        }
        if (id === "end" || left) return controller.close()
        text = ""
        decoder.decode()
        try { reader = await again() } catch (error) { return controller.error(error) }
        heard = Date.now()
        if (signal?.aborted) return controller.error(signal.reason)
        if (!reader) return controller.close()
      }
    },
    cancel() { left = true; return reader?.cancel() },
  })
  return new Response(body, { status: first.status, headers: first.headers })
}
