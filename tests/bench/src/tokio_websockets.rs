//! tokio-websockets, as its echo example uses it: each message is sent and flushed.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_websockets::{Limits, ServerBuilder, WebSocketStream};
use ws_bench_peers::asynchronous;
use ws_tests::bench::server::Mode;

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut open: WebSocketStream<S>) {
    while let Some(Ok(message)) = open.next().await {
        let is_data = message.is_text() || message.is_binary();
        if is_data && open.send(message).await.is_err() {
            break;
        }
    }
}

fn builder() -> ServerBuilder {
    ServerBuilder::new().limits(Limits::default().max_payload_len(Some(16 << 20)))
}

fn main() -> std::io::Result<()> {
    let serve = async |stream, _| {
        if let Ok((_, open)) = builder().accept(stream).await {
            echo(open).await;
        }
    };
    asynchronous::main(
        &[Mode::Echo],
        serve,
        Some(|memory| Box::pin(echo(builder().serve(memory)))),
    )
}
