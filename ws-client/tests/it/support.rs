//! Servers in a thread, and the few bytes of WebSocket that a script needs.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, Once};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use ws_client::{Client, Config, ConnectRequest};

/// Far beyond what any step needs; only a defect reaches it.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// what `attempt` tells that it took is its timeout, and at most 100 ms more. A busy machine may make it late, but
/// not five times in a row.
pub(crate) fn ends_on_time(timeout: Duration, mut attempt: impl FnMut(Duration) -> Duration) {
    const LATE: Duration = Duration::from_millis(100);
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let took = attempt(timeout);
        assert!(took >= timeout, "{took:?} with a deadline of {timeout:?}");
        best = best.min(took);
        if best <= timeout + LATE {
            return;
        }
    }
    panic!("{best:?} the best of five with a deadline of {timeout:?}, at most {LATE:?} more");
}

/// A server that takes one connection, and its result.
pub(crate) struct Server<T> {
    pub(crate) url: String,
    thread: JoinHandle<T>,
}

impl<T> Server<T> {
    pub(crate) fn join(self) -> T {
        self.thread.join().expect("the server's script went well")
    }

    pub(crate) fn connect(&self) -> Client {
        self.connect_with(Config::default())
    }

    pub(crate) fn connect_with(&self, config: Config) -> Client {
        let request = ConnectRequest::new(&self.url).unwrap().config(config);
        Client::connect_with(&request).unwrap()
    }
}

/// Runs `script` with the first connection; nothing is read or written before it.
pub(crate) fn serve_raw<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Server<T> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        drop(listener);
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        script(stream)
    });
    Server { url, thread }
}

/// Runs `script` behind an opening handshake.
pub(crate) fn serve_frames<T: Send + 'static>(
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> Server<T> {
    serve_raw(|mut stream| {
        let head = read_head(&mut stream);
        stream.write_all(accept(&head).as_bytes()).unwrap();
        script(stream)
    })
}

/// Runs `script` with tungstenite on the other side.
pub(crate) fn serve_tungstenite<T: Send + 'static>(
    script: impl FnOnce(WebSocket<TcpStream>) -> T + Send + 'static,
) -> Server<T> {
    serve_raw(|stream| script(tungstenite::accept(stream).unwrap()))
}

pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The 101 that answers `head`.
pub(crate) fn accept(head: &str) -> String {
    let key = header(head, "sec-websocket-key").unwrap();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

/// A server's frame; `first` is FIN, RSV and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// A client's frame: its first byte and its unmasked payload.
pub(crate) fn read_frame(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    assert!(head[1] & 0x80 != 0, "a client masks every frame");
    let length = match head[1] & 0x7f {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            u64::from(u16::from_be_bytes(length))
        }
        127 => {
            let mut length = [0; 8];
            stream.read_exact(&mut length)?;
            u64::from_be_bytes(length)
        }
        short => u64::from(short),
    };
    let mut key = [0; 4];
    stream.read_exact(&mut key)?;
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload)?;
    for (index, byte) in payload.iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
    Ok((head[0], payload))
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// Reads until the client has gone, however it goes.
pub(crate) fn read_to_end(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        // A reset is an end too; a pause that is too long is none.
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    rest
}

/// Everything that has been logged in this process, one line a record.
#[derive(Debug)]
pub(crate) struct Log(Mutex<String>);

impl Log {
    /// How many lines have `text` in them.
    pub(crate) fn count(&self, text: &str) -> usize {
        let lines = self.0.lock().unwrap();
        lines.lines().filter(|line| line.contains(text)).count()
    }
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut lines = self.0.lock().unwrap();
        lines.push_str(&format!("{} {}\n", record.level(), record.args()));
    }

    fn flush(&self) {}
}

/// The log at its most verbose; it begins with the first call.
pub(crate) fn log_of_this_process() -> &'static Log {
    static LOG: Log = Log(Mutex::new(String::new()));
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| {
        log::set_logger(&LOG).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    &LOG
}
