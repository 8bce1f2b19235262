// Echo server on ws. Prints its port, serves until standard input ends.
//
//     /            sends each message back
//     /fragments   sends each message back in fragments, cut without regard for UTF-8
"use strict";
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  backlog: 1024,
  maxPayload: 0,
  perMessageDeflate: false,
});

server.on("listening", () => console.log(server.address().port));
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
