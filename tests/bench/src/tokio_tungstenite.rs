//! tokio-tungstenite: what is there already is fed, then flushed once.

use std::{cell::RefCell, env, fs, io, rc::Rc, sync::Arc};

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::broadcast::{self, Sender},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use ws_bench_peers::asynchronous;
use ws_tests::bench::server::Mode;

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut open: WebSocketStream<S>) {
    while let Some(Ok(message)) = open.next().await {
        let mut next = Some(message);
        while let Some(message) = next.take() {
            let is_data = message.is_text() || message.is_binary();
            if is_data && open.feed(message).await.is_err() {
                return;
            }
            next = open.next().now_or_never().flatten().and_then(Result::ok);
        }
        if open.flush().await.is_err() {
            return;
        }
    }
}

/// Each connection sends what the channel brings.
async fn distribute(open: WebSocketStream<TcpStream>, sender: Sender<Message>) {
    let mut receiver = sender.subscribe();
    let (mut sink, mut stream) = open.split();
    loop {
        tokio::select! {
            Some(Ok(message)) = stream.next() => {
                if message.is_text() || message.is_binary() {
                    let _ = sender.send(message);
                }
            }
            Ok(message) = receiver.recv() => {
                let mut next = Some(message);
                while let Some(message) = next.take() {
                    if sink.feed(message).await.is_err() {
                        return;
                    }
                    next = receiver.try_recv().ok();
                }
                if sink.flush().await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}

fn tls() -> io::Result<TlsAcceptor> {
    let file = |index| {
        let path = env::args().nth(index).unwrap_or_default();
        fs::read(&path).map_err(|error| io::Error::other(format!("{path}: {error}")))
    };
    let chain = rustls_pemfile::certs(&mut &file(3)?[..]).collect::<Result<Vec<_>, _>>()?;
    let key = rustls_pemfile::private_key(&mut &file(4)?[..])?;
    let key = key.ok_or_else(|| io::Error::other("no key"))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key);
    Ok(TlsAcceptor::from(Arc::new(
        config.map_err(io::Error::other)?,
    )))
}

fn main() -> io::Result<()> {
    let sender = broadcast::channel(1024).0;
    let acceptor = Rc::new(RefCell::new(None));
    let serve = async move |stream: TcpStream, mode| match mode {
        Mode::Tls => {
            let acceptor = acceptor
                .borrow_mut()
                .get_or_insert_with(|| tls().expect("serve tls CHAIN KEY"))
                .clone();
            if let Ok(stream) = acceptor.accept(stream).await
                && let Ok(open) = accept_async(stream).await
            {
                echo(open).await;
            }
        }
        mode => {
            if let Ok(open) = accept_async(stream).await {
                match mode {
                    Mode::Broadcast => distribute(open, sender.clone()).await,
                    _ => echo(open).await,
                }
            }
        }
    };
    let serve = Rc::new(serve);
    let serve = move |stream, mode| {
        let serve = Rc::clone(&serve);
        async move { serve(stream, mode).await }
    };
    asynchronous::main(&[Mode::Echo, Mode::Tls, Mode::Broadcast], serve, None)
}
