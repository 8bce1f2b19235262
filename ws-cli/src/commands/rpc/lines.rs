//! Lines of stdin up to a limit; a longer one is skipped to its end.

use std::io::{self, BufRead, Read as _};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its `\n` or `\r\n`; the last one needs no line end.
    Bytes(Vec<u8>),
    /// A line longer than the limit; it has been read to its end and dropped.
    TooLong,
    /// The input has ended.
    End,
}

/// Reads the next line of at most `limit` bytes.
///
/// # Errors
/// What the reader says; the line is lost.
pub(super) fn read_line(reader: &mut impl BufRead, limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    // Room for the line end: a longer line is not held whole.
    let read = reader
        .by_ref()
        .take(limit as u64 + 2)
        .read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() > limit {
        reader.skip_until(b'\n')?;
    }
    Ok(if line.len() > limit {
        Line::TooLong
    } else {
        Line::Bytes(line)
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: &[u8], limit: usize) -> Vec<Line> {
        // A buffer smaller than a line: lines are put together from several reads.
        let mut reader = BufReader::with_capacity(3, bytes);
        let mut lines = Vec::new();
        loop {
            match read_line(&mut reader, limit).unwrap() {
                Line::End => return lines,
                line => lines.push(line),
            }
        }
    }

    fn bytes(text: &str) -> Line {
        Line::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn a_line_loses_its_end_only() {
        let read = lines(b"a\n\n b \r\nlast", 100);
        assert_eq!(read, [bytes("a"), bytes(""), bytes(" b "), bytes("last")]);
        assert_eq!(lines(b"", 100), []);
    }

    #[test]
    fn the_limit_counts_no_line_end_and_a_longer_line_spoils_no_other() {
        for end in ["\n", "\r\n"] {
            for long in ["12345", "123456", "1234567", "12345678901234567890"] {
                let text = format!("1234{end}{long}{end}abcd{end}");
                let read = lines(text.as_bytes(), 4);
                assert_eq!(
                    read,
                    [bytes("1234"), Line::TooLong, bytes("abcd")],
                    "{text:?}"
                );
            }
        }
        assert_eq!(lines(b"1234", 4), [bytes("1234")]);
        assert_eq!(lines(b"12345", 4), [Line::TooLong]);
        assert_eq!(lines(b"1234567890", 4), [Line::TooLong]);
    }
}
