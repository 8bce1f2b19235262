// Client on ws against an echo server. Prints `ok: …` and exits 0 if every echo is what was sent.
//
//     client.js URL sizes                            1 B to 16 MiB, text and binary
//     client.js URL fragments                        the same in fragments, cut without regard for UTF-8
//     client.js URL pings                            payloads of 0 to 125 bytes, 42 on their way at once
//     client.js URL concurrent CONNECTIONS MESSAGES  all open before the first message
"use strict";
const { once } = require("node:events");
const WebSocket = require("ws");

const SIZES = [1, 2, 125, 126, 127, 1000, 65535, 65536, 65537, 1 << 20, 16 << 20];
const TIMEOUT_MS = 120_000;

function fail(text) {
  console.error(`client.js: ${text}`);
  process.exit(1);
}

function binary(size, seed = 0) {
  return Buffer.alloc(size, Buffer.from(Array.from({ length: 257 }, (_, i) => (seed + i * 31) & 0xff)));
}

/** As many bytes of UTF-8, in characters of one to four bytes. */
function text(size, seed = 0) {
  const letter = String.fromCharCode(97 + (seed % 26));
  return Buffer.from(letter.repeat(size % 10) + "aé中🙂".repeat(Math.floor(size / 10)));
}

function expect(sent, isBinary, received, receivedBinary) {
  if (isBinary !== receivedBinary || !sent.equals(received)) {
    fail(`${sent.length} bytes, binary: ${isBinary} came back as ${received.length} bytes, binary: ${receivedBinary}`);
  }
}

async function dial(url) {
  const connection = new WebSocket(url, { maxPayload: 0, perMessageDeflate: false });
  connection.on("error", (error) => fail(error.message));
  await once(connection, "open");
  return connection;
}

async function close(connection) {
  connection.close(1000);
  const [code] = await once(connection, "close");
  if (code !== 1000) fail(`closed with ${code}`);
}

async function sizes(url, inFragments) {
  const connection = await dial(url);
  let count = 0;
  for (const size of SIZES) {
    for (const isBinary of [false, true]) {
      const message = isBinary ? binary(size) : text(size);
      const answer = once(connection, "message");
      if (inFragments) {
        const step = Math.floor(message.length / 7) + 1;
        connection.send(Buffer.alloc(0), { binary: isBinary, fin: false });
        for (let start = 0; start < message.length; start += step) {
          connection.send(message.subarray(start, start + step), { binary: isBinary, fin: false });
        }
        connection.send(Buffer.alloc(0), { binary: isBinary, fin: true });
      } else {
        connection.send(message, { binary: isBinary });
      }
      expect(message, isBinary, ...(await answer));
      count += 1;
    }
  }
  await close(connection);
  return `${count} messages`;
}

async function pings(url) {
  const connection = await dial(url);
  connection.on("close", (code) => code === 1000 || fail(`closed with ${code}`));
  let next = 0;
  // ws itself cuts a peer off that has 60 unanswered pings on their way.
  for (let first = 0; first < 126; first += 42) {
    const done = new Promise((resolve) => {
      connection.removeAllListeners("pong");
      connection.on("pong", (payload) => {
        if (!payload.equals(binary(next, 1 + next))) fail(`pong ${next} carries ${payload.length} other bytes`);
        next += 1;
        if (next === first + 42) resolve();
      });
    });
    for (let size = first; size < first + 42; size += 1) connection.ping(binary(size, 1 + size));
    await done;
  }
  await close(connection);
  return `${next} pongs`;
}

/** Message `number` of `connection`: mostly small, each tenth above 64 KiB. */
function varied(connection, number) {
  const size = 1 + ((connection * 7919 + number * 104729) % 8192) + (number % 10 === 9 ? 65536 : 0);
  const seed = connection * 100 + number;
  return number % 2 ? text(size, seed) : binary(size, seed);
}

async function concurrent(url, connections, messages) {
  const opened = await Promise.all(Array.from({ length: connections }, () => dial(url)));
  const work = opened.map((connection, index) => {
    let next = 0;
    const done = new Promise((resolve) => {
      connection.on("message", (data, isBinary) => {
        expect(varied(index, next), next % 2 === 0, data, isBinary);
        next += 1;
        if (next === messages) resolve();
      });
    });
    for (let number = 0; number < messages; number += 1) {
      connection.send(varied(index, number), { binary: number % 2 === 0 });
    }
    return done.then(() => close(connection));
  });
  await Promise.all(work);
  return `${connections * messages} messages on ${connections} connections`;
}

async function main(url, mode, ...numbers) {
  const modes = {
    sizes: () => sizes(url, false),
    fragments: () => sizes(url, true),
    pings: () => pings(url),
    concurrent: () => concurrent(url, ...numbers.map(Number)),
  };
  // Also keeps Node alive: it ends with status 0 as soon as nothing is left that could happen.
  const timer = setTimeout(() => fail("timed out"), TIMEOUT_MS);
  console.log(`ok: ${await modes[mode]()}`);
  clearTimeout(timer);
}

main(...process.argv.slice(2)).catch((error) => fail(error.stack));
