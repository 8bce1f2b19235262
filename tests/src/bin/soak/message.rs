//! Messages that tell whether they came back as they were sent: number and checksum in front, each of 8 bytes, then
//! payload of a size that differs from message to message.

use std::hash::{DefaultHasher, Hasher as _};

use ws_client::{Client, Error, Message};
use ws_tests::payload;

/// 16 B to 256 KiB; small ones are frequent.
const SIZES: [usize; 10] = [16, 16, 64, 125, 126, 1_000, 4_096, 20_000, 65_536, 262_144];
const HEAD_BYTES: usize = 16;

/// Every third is a text: two hexadecimal digits for a byte.
fn is_text(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// Sends message `number` of `connection`.
pub(crate) fn send(client: &mut Client, connection: u64, number: u64) -> Result<(), Error> {
    let message = message(connection, number);
    match is_text(number) {
        true => client.send_text(&data_encoding::HEXLOWER.encode(&message)),
        false => client.send_binary(&message),
    }
}

fn message(connection: u64, number: u64) -> Vec<u8> {
    let mix = (connection * 7 + number * 3) % SIZES.len() as u64;
    let size = SIZES[usize::try_from(mix).unwrap_or(0)];
    let seed = usize::try_from(connection * 1_000 + number).unwrap_or(0);
    let payload = payload::binary(size - HEAD_BYTES, seed);
    let mut message = number.to_be_bytes().to_vec();
    message.extend_from_slice(&checksum(number, &payload).to_be_bytes());
    message.extend_from_slice(&payload);
    message
}

fn checksum(number: u64, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(number);
    hasher.write(payload);
    hasher.finish()
}

/// Whether `answer` is the echo of message `number`: kind, number, checksum. Returns its size on the wire.
pub(crate) fn verify(answer: &Message, connection: u64, number: u64) -> Result<u64, String> {
    let came_as_text = matches!(answer, Message::Text(_));
    let bytes = match answer {
        Message::Text(text) => {
            let decoded = data_encoding::HEXLOWER.decode(text.as_bytes());
            &decoded.map_err(|error| format!("message {number} came back damaged: {error}"))?
        }
        Message::Binary(data) => data,
        other => return Err(format!("message {number} came back as {other:?}")),
    };
    let (head, payload) = bytes
        .split_at_checked(HEAD_BYTES)
        .ok_or("a message came back too short")?;
    let same = head[..8] == number.to_be_bytes()
        && head[8..] == checksum(number, payload).to_be_bytes()
        && came_as_text == is_text(number);
    if same {
        Ok(bytes.len() as u64 * if came_as_text { 2 } else { 1 })
    } else {
        Err(format!(
            "message {number} of connection {connection} did not come back as it was sent"
        ))
    }
}
