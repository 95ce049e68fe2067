// The course with the official TypeScript SDK: `node typescript_client.mjs URL` prints one JSON
// object, as python_client.py does. Run it in a folder that has the packages.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const packages = createRequire(pathToFileURL(`${process.cwd()}/course.js`));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const { default: Anthropic } = await load("@anthropic-ai/sdk");
const { betaTool } = await load("@anthropic-ai/sdk/helpers/beta/json-schema");

const client = new Anthropic({ baseURL: process.argv[2], apiKey: "k", maxRetries: 1 });
const inputSchema = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
const asked = (text) => ({
  model: "claude-sonnet-5-5",
  max_tokens: 2048,
  messages: [{ role: "user", content: text }],
});
const told = (message) => ({
  content: JSON.parse(JSON.stringify(message.content)),
  stop_reason: message.stop_reason,
});
const failed = (error) => {
  const kinds = [];
  for (let kind = error.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) {
    kinds.push(kind.name);
  }
  return { kinds, status: error.status ?? null, says: String(error) };
};

const seen = {};
{
  seen.pieces = [];
  const stream = client.messages.stream(asked("Speak."));
  stream.on("text", (text) => seen.pieces.push(text));
  seen.text = told(await stream.finalMessage());
}
{
  seen.raw = [];
  const events = await client.messages.create({ ...asked("Speak."), stream: true });
  for await (const event of events) seen.raw.push(event.type);
}
seen.whole = told(await client.messages.create(asked("Speak.")));
{
  seen.thoughts = [];
  const stream = client.messages.stream(asked("Think."));
  stream.on("thinking", (thought) => seen.thoughts.push(thought));
  seen.thinking = told(await stream.finalMessage());
}
{
  seen.parts = [];
  const tool = { name: "get_weather", description: "The weather.", input_schema: inputSchema };
  const stream = client.messages.stream({ ...asked("The weather?"), tools: [tool] });
  stream.on("inputJson", (part) => seen.parts.push(part));
  seen.tools = told(await stream.finalMessage());
}
{
  seen.runner = [];
  const tool = betaTool({
    name: "get_weather",
    description: "The weather.",
    inputSchema,
    run: ({ city, days }) => `${days} days of rain in ${city}`,
  });
  const options = { ...asked("The weather?"), tools: [tool], stream: true };
  for await (const stream of client.beta.messages.toolRunner(options)) {
    seen.runner.push(told(await stream.finalMessage()));
  }
}
try {
  await client.messages.create({ ...asked("Be overloaded."), stream: true });
} catch (error) {
  seen.overloaded = failed(error);
}
seen.busy = await client.messages.stream(asked("Be busy.")).finalText();
{
  const stream = client.messages.stream(asked("Break off."));
  try {
    await stream.finalMessage();
  } catch (error) {
    seen["broken off"] = failed(error);
    seen.broken = told(stream.currentMessage);
  }
}
console.log(JSON.stringify({ async: seen }));
