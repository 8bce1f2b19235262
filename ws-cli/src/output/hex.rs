//! A binary message for a terminal: its size, then lines of offset, bytes and what of them is ASCII.

use std::fmt::Write as _;

/// Bytes shown of one message.
const SHOWN_BYTES: usize = 1024;
const LINE_BYTES: usize = 16;

/// Describes and dumps `payload`; the last line ends with a line feed.
pub(super) fn dump(payload: &[u8]) -> String {
    let mut text = format!("[binary, {} bytes]\n", payload.len());
    let shown = &payload[..payload.len().min(SHOWN_BYTES)];
    for (number, line) in shown.chunks(LINE_BYTES).enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:08x} ", number * LINE_BYTES);
        for place in 0..LINE_BYTES {
            let gap = if place == LINE_BYTES / 2 { " " } else { "" };
            let _ = match line.get(place) {
                Some(byte) => write!(text, "{gap} {byte:02x}"),
                None => write!(text, "{gap}   "),
            };
        }
        text.push_str("  |");
        text.extend(line.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        }));
        text.push_str("|\n");
    }
    if payload.len() > SHOWN_BYTES {
        let rest = payload.len() - SHOWN_BYTES;
        let _ = writeln!(
            text,
            "… {rest} bytes more; -o FILE or a pipe gets all of them"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_beside_their_ascii() {
        let payload: Vec<u8> = (0x1b..0x1b + 18).collect();
        assert_eq!(
            dump(&payload),
            "[binary, 18 bytes]\n\
             00000000  1b 1c 1d 1e 1f 20 21 22  23 24 25 26 27 28 29 2a  |..... !\"#$%&'()*|\n\
             00000010  2b 2c                                             |+,|\n"
        );
        assert_eq!(dump(&[]), "[binary, 0 bytes]\n");
    }

    #[test]
    fn a_long_message_is_cut() {
        let shown = dump(&[7; 5000]);
        assert_eq!(shown.lines().count(), 1 + 1024 / 16 + 1);
        assert!(shown.ends_with("… 3976 bytes more; -o FILE or a pipe gets all of them\n"));
    }
}
