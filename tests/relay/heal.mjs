// Reads a stream through relayFetch and prints its bytes as JSON: what the layer above would get.
const [module, url, options] = process.argv.slice(2)
const { relayFetch } = await import(module)
try {
  const response = await relayFetch(url, JSON.parse(options))
  process.stdout.write(JSON.stringify({ status: response.status, text: await response.text() }))
} catch (error) {
  process.stdout.write(JSON.stringify({ error: String(error) }))
}
