// Echo server on ws. Prints its port, serves until standard input ends.
//
//     /            sends each message back
//     /fragments   sends each message back in fragments, cut without regard for UTF-8
//
// With arguments it speaks TLS: CHAIN KEY [CLIENT-AUTHORITY], the last if clients must show a certificate.
"use strict";
const fs = require("fs");
const { WebSocketServer } = require("ws");

function listener([chain, key, clients]) {
  if (!chain) return require("http").createServer();
  return require("https").createServer({
    cert: fs.readFileSync(chain),
    key: fs.readFileSync(key),
    ca: clients && fs.readFileSync(clients),
    requestCert: Boolean(clients),
    rejectUnauthorized: true,
  });
}

const http = listener(process.argv.slice(2));
const server = new WebSocketServer({ server: http, maxPayload: 0, perMessageDeflate: false });

http.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => console.log(http.address().port));
server.on("connection", (connection, request) => {
  connection.on("error", (error) => console.error(`error: ${error.message}`));
  connection.on("message", (data, binary) => {
    if (request.url !== "/fragments") {
      connection.send(data, { binary });
      return;
    }
    const step = Math.floor(data.length / 5) + 1;
    connection.send(Buffer.alloc(0), { binary, fin: false });
    for (let start = 0; start < data.length; start += step) {
      connection.send(data.subarray(start, start + step), { binary, fin: false });
    }
    connection.send(Buffer.alloc(0), { binary, fin: true });
  });
});

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
