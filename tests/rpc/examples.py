"""The published examples of the module OPI_WebSocket, call by call through `ws rpc`, every field of every result compared.

    examples.py PROGRAM TABLE CHAIN KEY AUTHORITY FOLDER

The client's examples run against `websockets` with and without TLS, directly and through proxies; the server's against
clients of the same process. Each runs with every way of writing names. FOLDER takes the log files.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from driver import (
    ADDRESS,
    NAMES,
    OK,
    STAMP,
    UUID,
    Like,
    Rpc,
    Table,
    Whole,
    closed,
    entry,
    expect,
    failure,
    listed,
    main,
    message,
    received,
)
from peers import GREETING, LOGIN, PASSWORD, Peers

GONE = failure("closed", code=1000, reason="")
PORT = Whole(1, 65535)


class Way:
    """How a client gets to the server: with or without TLS, directly or through a proxy."""

    def __init__(self, port, tls=None, proxy=None, proxy_port=None):
        self.port, self.tls, self.proxy, self.proxy_port = port, tls, proxy, proxy_port

    def settings(self, rpc):
        """Address, Tls, Proxy and Headers, the settings made by the functions that make them."""
        tls = proxy = None
        if self.tls is not None:
            tls = rpc.call("GetTlsSettings", *self.tls)
        if self.proxy:
            # The published example gives the port as a string.
            proxy = rpc.call("GetProxySettings", "127.0.0.1", str(self.proxy_port), self.proxy, LOGIN, PASSWORD)
            fields = {"server": "127.0.0.1", "port": self.proxy_port, "proxy_type": self.proxy}
            expect(proxy, {**fields, "login": LOGIN, "password": PASSWORD})
        scheme = "ws" if self.tls is None else "wss"
        return f"{scheme}://127.0.0.1:{self.port}", tls, proxy, {"X-Trace-Id": "OPI-WS-TEST"}

    def connect(self, rpc):
        client = rpc.connect(*self.settings(rpc))
        expect(rpc.call("IsClientObject", client), True)
        return client

    def echo(self, text):
        """What the server makes of a text, as `parse` shows it."""
        data = {"type": "echo", "payload": text, "tls": self.tls is not None, "list": [], "map": {}}
        whole = json.dumps(data)
        return {**message(whole), "data": data, "text": whole}


WELCOME = {**message(GREETING), "data": json.loads(GREETING), "text": GREETING}


def read_all(rpc, client):
    """The loop of the examples: read until a result is false."""
    messages = []
    while True:
        answer = rpc.start("GetMessage", client, 3000, parse=True).result(60)["result"]
        if not answer["result"]:
            expect(answer, failure("timeout"))
            return messages
        messages.append(answer)


def create_and_close(rpc, way):
    client = way.connect(rpc)
    expect(rpc.call("CloseConnection", client), OK)
    expect(rpc.call("CloseConnection", client), GONE)
    expect(rpc.call("IsClientObject", client), True, "a closed client is one")


def send_ping(rpc, way):
    client = way.connect(rpc)
    expect(rpc.call("SendPing", client), OK)
    expect(read_all(rpc, client), [WELCOME, message(b"", "pong")])
    expect(rpc.call("CloseConnection", client), OK)


def send_pong(rpc, way):
    client = way.connect(rpc)
    expect(rpc.call("SendPong", client), OK)
    expect(rpc.call("CloseConnection", client), OK)


def send_text_and_get_message(rpc, way):
    client = way.connect(rpc)
    for text in ["echo-text-20260502110655", '{"number": 12.50}', "[]", "Привет, 🙂"]:
        expect(rpc.call("SendTextMessage", client, text), OK)
    answers = [way.echo(text) for text in ["echo-text-20260502110655", '{"number": 12.50}', "[]", "Привет, 🙂"]]
    expect(read_all(rpc, client), [WELCOME, *answers])
    expect(rpc.call("CloseConnection", client, 1000, "done"), OK)


def send_binary(rpc, way):
    client = way.connect(rpc)
    data = "binary-message-20260502110655".encode() + bytes(range(256))
    expect(rpc.call("SendBinaryMessage", client, data), OK)
    expect(read_all(rpc, client), [WELCOME, message(data, "binary")])
    expect(rpc.call("CloseConnection", client), OK)


def client_log(rpc, way, file):
    address, tls, proxy, _ = way.settings(rpc)
    logging = rpc.call("GetLoggingSettings", True, 100, file)
    expect(logging, {"mode": "both", "max_entries": 100, "file_path": file})
    client = rpc.connect(address, tls, proxy, Logging=logging)
    check_log(rpc, client, file)
    expect(rpc.call("CloseConnection", client), OK)


def check_log(rpc, loggable, file):
    log = rpc.call("GetLog", loggable)
    count = len(log["logs"])
    expect(log, {"result": True, "logs": [Like(STAMP + ".+")] * count, "returned": count, "total": count})
    if not count:
        raise AssertionError("the log is empty")
    expect(rpc.call("GetLog", loggable, True), "\n".join(log["logs"]))
    last = rpc.call("GetLog", loggable, False, 1)
    expect(last, {"result": True, "logs": log["logs"][-1:], "returned": 1, "total": count})
    with open(file, encoding="utf-8") as written:
        expect(written.read().splitlines(), log["logs"], "the file")


def is_client(rpc, way):
    client = way.connect(rpc)
    for value in ["not-a-client", "s1", "", 1, True, None, [client], {"object": client}]:
        expect(rpc.call("IsClientObject", value), False, value)
    expect(rpc.call("IsServerObject", client), False)
    expect(rpc.call("CloseConnection", client), OK)


CLIENT = [create_and_close, send_ping, send_pong, send_text_and_get_message, send_binary, is_client]


def settings(rpc, folder):
    certificate = os.path.join(folder, "root.pem")
    tls = {"use_tls": True, "accept_invalid_certs": True}
    expect(rpc.call("GetTlsSettings", True), tls)
    expect(rpc.call("GetTlsSettings", False), {**tls, "accept_invalid_certs": False})
    path = {"ca_cert_path": certificate}
    expect(rpc.call("GetTlsSettings", False, certificate), {**tls, **path, "accept_invalid_certs": False})
    proxy = {"server": "127.0.0.1", "port": 8071, "proxy_type": "http", "login": "proxyuser", "password": "12we"}
    expect(rpc.call("GetProxySettings", "127.0.0.1", "8071", "http", "proxyuser", "12we"), proxy)
    plain = {"server": "127.0.0.1", "port": 8071, "proxy_type": "socks5"}
    expect(rpc.call("GetProxySettings", "127.0.0.1", 8071), plain)
    file = os.path.join(folder, "some.log")
    both = {"mode": "both", "max_entries": 100, "file_path": file}
    expect(rpc.call("GetLoggingSettings", True, 100, file), both)
    expect(rpc.call("GetLoggingSettings", False, FilePath=file), {"mode": "file", "file_path": file})
    expect(rpc.call("GetLoggingSettings", True), {"mode": "memory", "max_entries": 300})
    expect(rpc.call("GetLoggingSettings", False), {})


def start(rpc, *values):
    """A server as the examples start it, but on a free port: its object and the clients' address."""
    server, port = rpc.serve(0, *values)
    expect(rpc.call("IsServerObject", server), True)
    return server, f"ws://127.0.0.1:{port}"


def connect(rpc, address):
    client = rpc.connect(address)
    expect(rpc.call("IsClientObject", client), True)
    return client


def start_and_stop(rpc):
    result = rpc.call("StartServer", 0, 10)
    listening = Like(r"(\[::\]|0\.0\.0\.0):[0-9]+")
    expect(result, {"result": True, "address": listening, "port": PORT, "object": Like("s[0-9]+")})
    server = result["object"]
    second = rpc.call("StartServer", result["port"])
    expect(second, failure("port_in_use"))
    expect(rpc.call("StopServer", server), OK)
    expect(rpc.call("GetConnectionList", server), failure("not_started"))
    expect(rpc.call("CreateConnection", f"ws://127.0.0.1:{result['port']}"), failure("refused"))
    expect(rpc.call("StopServer", server), failure("not_started"))
    expect(rpc.call("GetNextConnectionData", server, 300), failure("not_started"))


def get_next_connection_data(rpc):
    server, address = start(rpc)
    client = connect(rpc, address)
    expect(rpc.call("SendTextMessage", client, "Hello from client!"), OK)
    expect(rpc.call("GetNextConnectionData", server, 5000), received("Hello from client!"))
    expect(rpc.call("CloseConnection", client), OK)
    expect(rpc.call("SendTextMessage", client, "Hello from client!"), GONE)
    expect(rpc.call("CloseConnection", client), GONE)
    timeout = {"result": False, "error": "timeout", "errorCode": "timeout"}
    expect(rpc.call("GetNextConnectionData", server, 5000), timeout)
    expect(rpc.call("GetNextConnectionData", server, 300), timeout)
    expect(rpc.call("StopServer", server), OK)


def get_connection_data(rpc):
    server, address = start(rpc)
    client = connect(rpc, address)
    connections = rpc.call("GetConnectionList", server)
    expect(connections, listed(entry()))
    identity = connections["connections"][0]["connectionId"]
    for number in range(6):
        text = f"Message no. {number}"
        expect(rpc.call("SendTextMessage", client, text), OK)
        result = rpc.call("GetConnectionData", server, identity, 5000)
        expect(result, received(text, identity=identity))
        # The address is the client's own, also in the list.
        expect(result["address"], connections["connections"][0]["address"])
    expect(rpc.call("SendTextMessage", client, text), OK)
    expect(rpc.call("CloseConnection", client), OK)
    last = rpc.call("GetConnectionData", server, identity, 5000)
    expect(last, received(text, identity=identity, active=False))
    drained = failure("closed", isActive=False, code=1000, reason="")
    expect(rpc.call("GetConnectionData", server, identity, 5000), drained)
    expect(rpc.call("GetConnectionData", server, "no id", 5000), failure("not_found"))
    expect(rpc.call("GetConnectionList", server), listed())
    expect(rpc.call("StopServer", server), OK)


def send_data(rpc):
    server, address = start(rpc)
    client = connect(rpc, address)
    expect(rpc.call("SendTextMessage", client, "Hello!"), OK)
    next_message = rpc.call("GetNextConnectionData", server, 5000)
    expect(next_message, received("Hello!"))
    identity = next_message["connectionId"]
    expect(rpc.call("SendData", server, identity, "Response from server!"), OK)
    expect(rpc.call("GetMessage", client, 3000), message("Response from server!"))
    expect(rpc.call("SendData", server, identity, b"\x00\xff"), OK)
    expect(rpc.call("GetMessage", client, 3000), message(b"\x00\xff", "binary"))
    expect(rpc.call("SendData", server, identity, "as bytes", MessageType="binary"), OK)
    expect(rpc.call("GetMessage", client, 3000), message(b"as bytes", "binary"))
    expect(rpc.call("SendData", server, "no id", "x"), failure("not_found"))
    expect(rpc.call("CloseConnection", client), OK)
    expect(rpc.call("StopServer", server), OK)


def close_incoming_connection(rpc):
    server, address = start(rpc)
    client = connect(rpc, address)
    expect(rpc.call("SendTextMessage", client, "Hello!"), OK)
    first = rpc.call("GetNextConnectionData", server, 5000)
    expect(first, received("Hello!"))
    expect(rpc.call("CloseIncomingConnection", server, first["connectionId"], True), OK)
    expect(rpc.call("GetConnectionList", server), listed())
    once = rpc.call("SendTextMessage", client, "Hello!")
    expect(once, OK if once["result"] else GONE)
    expect(rpc.call("SendTextMessage", client, "Hello!"), GONE)
    expect(rpc.call("GetMessage", client), closed())
    expect(rpc.call("GetMessage", client), GONE)
    expect(rpc.call("CloseIncomingConnection", server, "no id"), failure("not_found"))
    expect(rpc.call("StopServer", server), OK)


def get_connection_list(rpc):
    server, address = start(rpc)
    clients = [connect(rpc, address) for _ in range(2)]
    connections = rpc.call("GetConnectionList", server)
    expect(connections, listed(entry(), entry()))
    for field in ["connectionId", "address"]:
        if len({one[field] for one in connections["connections"]}) != 2:
            raise AssertionError(f"twice the same {field}: {connections}")
    for client in clients:
        expect(rpc.call("CloseConnection", client), OK)
    third, fourth = (connect(rpc, address) for _ in range(2))
    expect(rpc.call("SendTextMessage", third, "Yo"), OK)
    expect(rpc.call("CloseConnection", third), OK)
    expect(rpc.call("CloseConnection", fourth), OK)
    expect(rpc.call("GetConnectionList", server), listed(entry(active=False, unread=[2])))
    expect(rpc.call("StopServer", server), OK)


def is_server(rpc):
    server, _ = start(rpc)
    for value in ["Not a server", "c1", "", 1, True, None, [server], {"object": server}]:
        expect(rpc.call("IsServerObject", value), False, value)
    expect(rpc.call("IsClientObject", server), False)
    expect(rpc.call("StopServer", server), OK)
    expect(rpc.call("IsServerObject", server), True, "a stopped server is one")


def server_log(rpc, file):
    logging = rpc.call("GetLoggingSettings", True, 100, file)
    server, address = start(rpc, None, logging)
    client = connect(rpc, address)
    expect(rpc.call("SendTextMessage", client, "WS_LOG_SRV_20260502110655"), OK)
    expect(rpc.call("GetNextConnectionData", server, 5000), received("WS_LOG_SRV_20260502110655"))
    check_log(rpc, server, file)
    if "WS_LOG_SRV" in rpc.call("GetLog", server, True):
        raise AssertionError("a payload is in the log")
    without = start(rpc)[0]
    expect(rpc.call("GetLog", without), failure("usage"))
    for one, method in [(client, "CloseConnection"), (server, "StopServer"), (without, "StopServer")]:
        expect(rpc.call(method, one), OK)


SERVER = [
    start_and_stop,
    get_next_connection_data,
    get_connection_data,
    send_data,
    close_incoming_connection,
    get_connection_list,
    is_server,
]


def run(program, table, chain, key, authority, folder):
    table, peers = Table(table), Peers()
    plain, secure = peers.talker(), peers.talker(chain, key)
    http, socks = peers.proxy("http"), peers.proxy("socks5")
    ways = [
        Way(plain),
        Way(plain, proxy="http", proxy_port=http),
        Way(secure, tls=[True]),
        Way(secure, tls=[True], proxy="http", proxy_port=http),
        Way(secure, tls=[False, authority], proxy="socks5", proxy_port=socks),
    ]
    done = []

    def example(work, *values):
        try:
            work(*values)
        except Exception as error:
            names = [value.names for value in values if isinstance(value, Rpc)]
            raise AssertionError(f"{work.__name__} {names}: {error}") from error
        done.append(work.__name__)

    children = [Rpc(program, table, names) for names in NAMES]
    with ThreadPoolExecutor(max_workers=64) as threads:
        futures = []
        for number, rpc in enumerate(children):
            # Each way with one way of writing names, and each of those with at least one way.
            for way in ways[number :: len(children)]:
                futures += [threads.submit(example, one, rpc, way) for one in CLIENT]
                log = os.path.join(folder, f"client-{number}-{len(futures)}.log")
                futures.append(threads.submit(example, client_log, rpc, way, log))
            futures += [threads.submit(example, one, rpc) for one in SERVER]
            log = os.path.join(folder, f"server-{number}.log")
            futures.append(threads.submit(example, server_log, rpc, log))
            futures.append(threads.submit(example, settings, rpc, folder))
        for future in futures:
            future.result()
    for rpc in children:
        expect(rpc.end(), 0)
        expect(rpc.stray, [])
    expect(len(done), len(futures))
    traced = [trace for trace in peers.headers if trace]
    # All but those of the log's example have sent the header.
    expect((set(traced), len(traced)), ({"OPI-WS-TEST"}, len(CLIENT) * len(ways)))
    return f"{len(futures)} runs of {len(set(done))} examples"


main(run)
