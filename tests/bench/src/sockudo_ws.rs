//! sockudo-ws, as its simple example uses it; the codec alone is its `Protocol`.

use std::env;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use sockudo_ws::{
    Config, Message, Role, WebSocketStream,
    handshake::{build_response, generate_accept_key, parse_request},
    protocol::Protocol,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use ws_bench_peers::asynchronous;
use ws_tests::bench::{
    codec::{self, EchoCodec, Sink},
    server::Mode,
};

async fn open(stream: &mut TcpStream) -> Option<()> {
    let mut head = BytesMut::with_capacity(4096);
    loop {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
        if let Some((request, _)) = parse_request(&head).ok()? {
            let answer = build_response(&generate_accept_key(request.key), None, None);
            return stream.write_all(&answer).await.ok();
        }
    }
}

async fn serve(mut stream: TcpStream, _: Mode) {
    if open(&mut stream).await.is_none() {
        return;
    }
    let mut open = WebSocketStream::server(stream, Config::default());
    while let Some(Ok(message)) = open.next().await {
        let sent = match message {
            message @ (Message::Text(_) | Message::Binary(_)) => open.send(message).await,
            Message::Close(_) => break,
            _ => Ok(()),
        };
        if sent.is_err() {
            break;
        }
    }
}

struct Codec {
    protocol: Protocol,
    input: BytesMut,
    output: BytesMut,
    messages: Vec<Message>,
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], sink: &mut Sink) {
        self.input.extend_from_slice(input);
        self.protocol
            .process_into(&mut self.input, &mut self.messages)
            .expect("frames are right");
        self.output.clear();
        for message in self.messages.drain(..) {
            self.protocol
                .encode_message(&message, &mut self.output)
                .expect("it is open");
        }
        sink.take(&self.output);
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "codec") {
        let mut codec = Codec {
            protocol: Protocol::new(Role::Server, 16 << 20, 16 << 20),
            input: BytesMut::with_capacity(128 << 10),
            output: BytesMut::with_capacity(128 << 10),
            messages: Vec::new(),
        };
        codec::main(&mut codec, &arguments[1..]);
        return Ok(());
    }
    asynchronous::main(&[Mode::Echo], serve, None)
}
