//! fastwebsockets, as its echo example uses it, without hyper: the handshake is ours.

use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use tokio::io::{AsyncRead, AsyncWrite};
use ws_bench_peers::asynchronous::{self, shake_hands};
use ws_tests::bench::server::Mode;

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let mut open = FragmentCollector::new(WebSocket::after_handshake(stream, Role::Server));
    while let Ok(frame) = open.read_frame().await {
        let sent = match frame.opcode {
            OpCode::Close => break,
            OpCode::Text | OpCode::Binary => open.write_frame(frame).await,
            _ => Ok(()),
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
