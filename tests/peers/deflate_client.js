// Client on ws against an echo server with permessage-deflate. For each entry of the JSON list in WS_DEFLATE it connects
// with these parameters (RFC 7692 by name), prints what was agreed on, and gets every message back.
//
//     deflate_client.js URL
"use strict";
const { once } = require("node:events");
const WebSocket = require("ws");

const TIMEOUT_MS = 120_000;

function fail(text) {
  console.error(`deflate_client.js: ${text}`);
  process.exit(1);
}

/** To ws `false` would mean that the other side must not ask for it. */
function options(entry) {
  return {
    serverNoContextTakeover: entry.server_no_context_takeover || undefined,
    clientNoContextTakeover: entry.client_no_context_takeover || undefined,
    serverMaxWindowBits: entry.server_max_window_bits,
    clientMaxWindowBits: entry.client_max_window_bits,
    threshold: 0,
  };
}

/** Data that compresses well, badly and not at all; empty, short, and longer than every window. */
function messages() {
  const whole = (size) => Buffer.from('{"id":12345,"name":"aé中🙂","tags":["x"]} '.repeat(size / 48 + 1));
  const noise = (size) => Buffer.from(Array.from({ length: size }, (_, at) => (at * at * 31 + (at >> 3) * 17) & 0xff));
  return [
    [Buffer.alloc(0), false],
    [whole(5), false],
    [whole(300), false],
    [whole(300), false],
    [noise(300), true],
    [whole(5000), false],
    [noise(70_000), true],
    [whole(70_000), false],
    [Buffer.alloc(200_000), true],
    [whole(300), false],
  ];
}

async function run(url, entry) {
  const connection = new WebSocket(url, { maxPayload: 0, perMessageDeflate: options(entry) });
  connection.on("error", (error) => fail(error.message));
  let agreed = "";
  connection.on("upgrade", (response) => (agreed = response.headers["sec-websocket-extensions"] || "none"));
  await once(connection, "open");
  let count = 0;
  for (const inFragments of [false, true]) {
    for (const [data, binary] of messages()) {
      // Every third one is not compressed.
      const compress = count % 3 !== 2;
      const answer = once(connection, "message");
      if (inFragments) {
        const step = Math.ceil(data.length / 3);
        connection.send(data.subarray(0, step), { binary, compress, fin: false });
        connection.ping("between");
        connection.send(data.subarray(step, 2 * step), { binary, compress, fin: false });
        connection.send(data.subarray(2 * step), { binary, compress, fin: true });
      } else {
        connection.send(data, { binary, compress });
      }
      const [received, receivedBinary] = await answer;
      if (receivedBinary !== binary || !data.equals(received)) {
        fail(`${JSON.stringify(entry)}: ${data.length} bytes came back as ${received.length} bytes`);
      }
      count += 1;
    }
  }
  connection.close(1000);
  const [code] = await once(connection, "close");
  if (code !== 1000) fail(`${JSON.stringify(entry)}: closed with ${code}`);
  console.log(agreed);
  return count;
}

async function main(url) {
  const timer = setTimeout(() => fail("timed out"), TIMEOUT_MS);
  let count = 0;
  for (const entry of JSON.parse(process.env.WS_DEFLATE)) count += await run(url, entry);
  console.log(`ok: ${count} messages`);
  clearTimeout(timer);
}

main(...process.argv.slice(2)).catch((error) => fail(error.stack));
