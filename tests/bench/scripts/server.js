// Server on ws for the benchmark: server.js serve echo|broadcast|deflate, or serve tls CHAIN KEY. Prints its port, serves
// until standard input ends.
"use strict";
const fs = require("fs");
const { WebSocketServer, WebSocket } = require("ws");

const [, mode, chain, key] = process.argv.slice(2);

const listener =
  mode === "tls"
    ? require("https").createServer({ cert: fs.readFileSync(chain), key: fs.readFileSync(key) })
    : require("http").createServer();

const perMessageDeflate = mode === "deflate" && {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 0,
};

const server = new WebSocketServer({ server: listener, perMessageDeflate });

server.on("connection", (connection) => {
  connection.on("error", (error) => console.error(`error: ${error.message}`));
  connection.on("message", (data, binary) => {
    if (mode !== "broadcast") return connection.send(data, { binary });
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary });
    }
    return undefined;
  });
});

listener.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(listener.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
