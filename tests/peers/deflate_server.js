// Echo servers on ws with permessage-deflate, one for each entry of the JSON list in WS_DEFLATE. Prints their ports,
// one a line in the same order, serves until standard input ends.
//
// An entry has the parameters of RFC 7692 by name; `fragments: true` sends answers in three fragments, a ping between.
"use strict";
const http = require("node:http");
const { WebSocketServer } = require("ws");

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

function send(connection, entry, data, binary) {
  if (!entry.fragments) return connection.send(data, { binary });
  const step = Math.ceil(data.length / 3);
  connection.send(data.subarray(0, step), { binary, fin: false });
  connection.ping();
  connection.send(data.subarray(step, 2 * step), { binary, fin: false });
  return connection.send(data.subarray(2 * step), { binary, fin: true });
}

async function main() {
  for (const entry of JSON.parse(process.env.WS_DEFLATE)) {
    const listener = http.createServer();
    const server = new WebSocketServer({ server: listener, maxPayload: 0, perMessageDeflate: options(entry) });
    server.on("connection", (connection) => {
      connection.on("error", (error) => console.error(`error: ${error.message}`));
      connection.on("message", (data, binary) => send(connection, entry, data, binary));
    });
    await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
    console.log(listener.address().port);
  }
}

main();
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
