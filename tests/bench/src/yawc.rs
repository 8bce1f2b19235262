//! yawc with its check of texts on, as RFC 6455 wants it; the handshake is ours.

use std::env;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Decoder as _, Encoder as _};
use ws_bench_peers::asynchronous::{self, shake_hands};
use ws_tests::bench::{
    codec::{self, EchoCodec, Sink},
    server::Mode,
};
use yawc::{Frame, OpCode, Options, Role, WebSocket};

async fn echo<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) {
    let options = Options::default()
        .with_utf8()
        .with_limits(16 << 20, 32 << 20);
    let Ok(mut open) = WebSocket::from_stream(stream, Role::Server, options) else {
        return;
    };
    while let Some(frame) = open.next().await {
        let is_data = matches!(frame.opcode(), OpCode::Text | OpCode::Binary);
        if is_data && open.send(frame).await.is_err() {
            break;
        }
    }
}

/// Its codec, with the check of texts that its connections make.
struct Codec {
    decoder: yawc::codec::Decoder,
    encoder: yawc::codec::Encoder,
    input: BytesMut,
    output: BytesMut,
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], sink: &mut Sink) {
        self.input.extend_from_slice(input);
        self.output.clear();
        while let Some(frame) = self
            .decoder
            .decode(&mut self.input)
            .expect("frames are right")
        {
            assert!(
                frame.opcode() != OpCode::Text || frame.is_utf8(),
                "no UTF-8"
            );
            // With its key it would be masked again.
            let (opcode, _, payload) = frame.into_parts();
            self.encoder
                .encode(Frame::from((opcode, payload)), &mut self.output)
                .expect("it takes all");
        }
        sink.take(&self.output);
    }
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "codec") {
        let mut codec = Codec {
            decoder: yawc::codec::Decoder::new(Role::Server, 16 << 20),
            encoder: yawc::codec::Encoder::new(Role::Server),
            input: BytesMut::with_capacity(128 << 10),
            output: BytesMut::with_capacity(128 << 10),
        };
        codec::main(&mut codec, &arguments[1..]);
        return Ok(());
    }
    let serve = async |mut stream, _| {
        if shake_hands(&mut stream).await.is_ok() {
            echo(stream).await;
        }
    };
    asynchronous::main(&[Mode::Echo], serve, None)
}
