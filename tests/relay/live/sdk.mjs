// The official TypeScript SDK as a client of the relay: prints what it made of one reply.
//   node sdk.mjs BASE_URL RELAY_JS WORDS heal|plain HEADERS
import Anthropic from "@anthropic-ai/sdk"
const [baseURL, script, said, how, headers] = process.argv.slice(2)
const { relayFetch } = await import(script)
const options = how === "heal" ? { fetch: relayFetch } : {}
const client = new Anthropic({
  baseURL, apiKey: "any", maxRetries: 0, defaultHeaders: JSON.parse(headers), ...options,
})
let text = ""
try {
  const stream = client.messages.stream({
    model: "claude-sonnet-5-5", max_tokens: 64000, messages: [{ role: "user", content: said }],
  })
  stream.on("text", (piece) => {
    text += piece
    if (text.length - piece.length < 200 && text.length >= 200) process.stderr.write("under way\n")
  })
  const message = await stream.finalMessage()
  process.stdout.write(JSON.stringify({ text, whole: message.content[0].text }))
} catch (error) {
  process.stdout.write(JSON.stringify({ text, error: error.constructor.name, status: error.status ?? null }))
}
