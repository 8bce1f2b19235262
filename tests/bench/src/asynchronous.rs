//! A server on tokio in one thread, and a codec that thinks it has a socket.

use std::{
    cell::RefCell,
    env,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
};
use ws_tests::bench::{
    codec::{self, EchoCodec, Sink},
    server::{Mode, listen},
};

/// An echo that never ends, if all is right.
pub type Echoing = Pin<Box<dyn Future<Output = ()>>>;

/// The two commands of a peer: `serve MODE …` calls `accept`, `codec …` calls `over_memory` with a stream to echo on.
pub fn main(
    modes: &[Mode],
    serve: impl AsyncFn(TcpStream, Mode) + Clone + 'static,
    over_memory: Option<fn(Memory) -> Echoing>,
) -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match (&words[..], over_memory) {
        (["serve", mode, ..], _) => {
            let mode = Mode::named(mode).filter(|mode| modes.contains(mode));
            serve_all(mode.unwrap_or_else(|| panic!("there are {modes:?}")), serve)
        }
        (["codec", ..], Some(over_memory)) => {
            let memory = Memory::default();
            let mut codec = Codec {
                future: over_memory(memory.clone()),
                memory,
            };
            codec::main(&mut codec, &arguments[1..]);
            Ok(())
        }
        _ => panic!("usage: serve MODE, codec …"),
    }
}

fn serve_all(mode: Mode, serve: impl AsyncFn(TcpStream, Mode) + Clone + 'static) -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let serve = serve.clone();
            tokio::task::spawn_local(async move { serve(stream, mode).await });
        }
    })
}

/// The opening handshake, for a peer that begins after it.
pub async fn shake_hands(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(answer) = crate::answer(&request) {
            return stream.write_all(answer.as_bytes()).await;
        }
    }
}

/// A stream that has the same input again and again, and waits in between.
#[derive(Default, Clone)]
pub struct Memory(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    input: Vec<u8>,
    read: usize,
    output: Sink,
}

/// An echo over a [`Memory`].
struct Codec {
    future: Echoing,
    memory: Memory,
}

impl EchoCodec for Codec {
    fn echo(&mut self, input: &[u8], output: &mut Sink) {
        {
            let mut state = self.memory.0.borrow_mut();
            if state.input.len() != input.len() {
                state.input = input.to_vec();
            }
            state.read = 0;
            std::mem::swap(&mut state.output, output);
        }
        let mut context = Context::from_waker(Waker::noop());
        // It waits as soon as there is nothing more to read; a runtime that wants a pause is asked again.
        while self.memory.0.borrow().read < input.len() {
            assert!(
                self.future.as_mut().poll(&mut context).is_pending(),
                "the echo has ended"
            );
        }
        assert!(
            self.future.as_mut().poll(&mut context).is_pending(),
            "the echo has ended"
        );
        std::mem::swap(&mut self.memory.0.borrow_mut().output, output);
    }
}

impl AsyncRead for Memory {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let state = &mut *self.0.borrow_mut();
        let rest = &state.input[state.read..];
        if rest.is_empty() {
            return Poll::Pending;
        }
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        state.read += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().output.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let output = &mut self.0.borrow_mut().output;
        slices.iter().for_each(|slice| output.take(slice));
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
