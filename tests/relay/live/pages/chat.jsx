// useChat as people use it; its state is in `chat` and `errors`, for the test to read.
// ?chat= its id; &heal: the transport's fetch is relayFetch. Every part is checked by the AI SDK.
import { useChat } from "@ai-sdk/react"
import { DefaultChatTransport } from "ai"
import { createElement as h } from "react"
import { createRoot } from "react-dom/client"
import { relayFetch } from "/claude/relay.js"

const query = new URLSearchParams(location.search)
const id = query.get("chat")
const transport = new DefaultChatTransport({
  api: "/api/chat",
  fetch: query.has("heal") ? relayFetch : undefined,
})
window.errors = []
window.finishes = []

function Chat() {
  const chat = useChat({
    id,
    resume: true,
    transport,
    onError: (error) => window.errors.push(String(error)),
    onFinish: ({ message, isAbort, isDisconnect, isError, finishReason }) =>
      window.finishes.push({ parts: message.parts, isAbort, isDisconnect, isError, finishReason }),
  })
  window.chat = chat
  const parts = chat.messages.filter((one) => one.role === "assistant").flatMap((one) => one.parts)
  window.parts = parts
  window.said = parts.filter((part) => part.type === "text").map((part) => part.text).join("")
  window.stop = async () => {
    await fetch(`/api/chat/${id}/stop`, { method: "POST" })
    await chat.stop()
  }
  return h("pre", null, window.said)
}

createRoot(document.body.appendChild(document.createElement("main"))).render(h(Chat))
