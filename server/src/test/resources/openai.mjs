// What OpenAiNodeTest asks of a server, by npm's client of OpenAI's API: node openai.mjs http://HOST:PORT/v1
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none is asked for", maxRetries: 0 });
const png = base64 => Buffer.from(base64, "base64").subarray(1, 4).toString() === "PNG";
const prompt = "a red circle above a blue square";

const drawn = await client.images.generate({ model: "gpt-image-1", prompt, n: 2, size: "256x256", seed: 7, flavour: "none" });
assert.equal(drawn.data.length, 2);
assert.ok(drawn.data.every(picture => png(picture.b64_json)));
assert.equal(drawn.size, "256x256");
assert.equal(drawn.model, "scenes");
assert.deepEqual(drawn.ignored, ["flavour"]);
console.log("generate");

const addressed = await client.images.generate({ prompt, seed: 7, size: "256x256", response_format: "url" });
assert.equal(addressed.data[0].b64_json, undefined);
const fetched = Buffer.from(await (await fetch(addressed.data[0].url)).arrayBuffer());
assert.ok(fetched.equals(Buffer.from(drawn.data[0].b64_json, "base64")), "the same picture");
console.log("url");

const events = [];
for await (const event of await client.images.generate({ prompt, seed: 7, size: "256x256", stream: true, partial_images: 2 })) {
  events.push(event.type);
  if (event.type === "image_generation.completed") assert.equal(event.b64_json, drawn.data[0].b64_json);
}
assert.equal(events.at(-1), "image_generation.completed");
assert.ok(events.slice(0, -1).every(type => type === "image_generation.partial_image"));
console.log("stream");

const ids = [];
for await (const model of client.models.list()) ids.push(model.id);
assert.ok(ids.includes("scenes"));
assert.equal((await client.models.retrieve("scenes")).owned_by, "palitra");
console.log("models");

const refused = async (call, status, code, param) => {
  await assert.rejects(call, error => {
    assert.equal(error.status, status);
    assert.equal(error.code, code);
    assert.equal(error.param, param);
    assert.equal(error.type, "invalid_request_error");
    return true;
  });
};
const picture = await toFile(Buffer.from(drawn.data[0].b64_json, "base64"), "picture.png", { type: "image/png" });
await refused(() => client.images.edit({ image: picture, prompt: "a hat" }), 400, "model_cannot_edit", "model");
console.log("edit");

await refused(() => client.images.generate({ model: "sdxl", prompt }), 404, "model_not_found", "model");
console.log("unknown model");
