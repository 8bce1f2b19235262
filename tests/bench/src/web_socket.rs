//! web-socket over a buffered reader, as it reads a header's bytes one call at a time; the handshake is ours.

use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use web_socket::{DataType, Event, MessageType, WebSocket};
use ws_bench_peers::asynchronous::{self, shake_hands};
use ws_tests::bench::server::Mode;

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let mut open = WebSocket::server(BufReader::with_capacity(64 << 10, stream));
    while let Ok(event) = open.recv_event().await {
        let sent = match event {
            Event::Data {
                ty: DataType::Complete(MessageType::Text),
                data,
            } => match simdutf8::basic::from_utf8(&data) {
                Ok(text) => open.send(text).await,
                Err(_) => break,
            },
            Event::Data { data, .. } => open.send(&*data).await,
            Event::Close { .. } | Event::Error(_) => {
                let _ = open.close(()).await;
                break;
            }
            Event::Ping(data) => open.send_pong(data).await,
            Event::Pong(_) => Ok(()),
        };
        if sent.is_err() {
            break;
        }
    }
}

fn main() -> std::io::Result<()> {
    let serve = async |mut stream, _| {
        if shake_hands(&mut stream).await.is_ok() {
            echo(stream).await;
        }
    };
    asynchronous::main(&[Mode::Echo], serve, Some(|memory| Box::pin(echo(memory))))
}
