//! What the peers' programs share: the opening handshake for those that have none, the loop of an asynchronous server,
//! and a stream in memory for codecs that own one.

#[cfg(feature = "tokio")]
pub mod asynchronous;

/// The 101 to a whole request; `None` as long as it is not whole.
pub fn answer(request: &[u8]) -> Option<String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed
        .parse(request)
        .is_ok_and(|status| status.is_complete())
    {
        return None;
    }
    let is_key =
        |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("Sec-WebSocket-Key");
    let key = parsed.headers.iter().find(is_key)?.value;
    let mut digest = sha1_smol::Sha1::new();
    digest.update(key);
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = data_encoding::BASE64.encode(&digest.digest().bytes());
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    ))
}
