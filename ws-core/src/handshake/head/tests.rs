use super::*;

fn receive(
    bytes: &[u8],
    size: usize,
    limits: &HeadLimits,
) -> (Result<usize, HeadError>, HeadReader) {
    let mut reader = HeadReader::new();
    let mut consumed = 0;
    for piece in bytes.chunks(size) {
        match reader.receive(piece, limits) {
            Ok(HeadProgress::NeedMore) => consumed += piece.len(),
            Ok(HeadProgress::Complete { consumed: last }) => {
                consumed += last;
                break;
            }
            Err(error) => return (Err(error), reader),
        }
    }
    (Ok(consumed), reader)
}

/// A head of exactly `bytes` bytes, in four header lines.
fn head_of(bytes: usize) -> Vec<u8> {
    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    for _ in 0..3 {
        head.extend_from_slice(b"X-Fill: ");
        head.resize(head.len() + bytes / 5, b'x');
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"X-Rest: ");
    head.resize(bytes - 4, b'x');
    head.extend_from_slice(b"\r\n\r\n");
    assert_eq!(head.len(), bytes);
    head
}

#[test]
fn ends_behind_the_empty_line() {
    let stream = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x00";
    for size in 1..=stream.len() {
        let (result, reader) = receive(stream, size, &HeadLimits::default());
        assert_eq!(result, Ok(stream.len() - 2));
        assert!(reader.is_complete());
        assert_eq!(reader.bytes(), &stream[..stream.len() - 2]);
        assert_eq!(reader.header_count(), 1);
    }
}

/// a head of 16 KiB byte by byte is taken, and twice the bytes cost no more than 2.5 times as much. The cost is
/// counted, not timed, so that a busy machine proves the same.
#[test]
fn looks_at_each_byte_once_over_any_cut() {
    let limits = HeadLimits::default();
    for size in [1, 2, 7, 1000, limits.max_bytes] {
        let [half, whole] = [limits.max_bytes / 2, limits.max_bytes].map(|bytes| {
            let (result, reader) = receive(&head_of(bytes), size, &limits);
            assert_eq!(result, Ok(bytes));
            let steps = reader.work;
            assert!(
                steps <= 2 * bytes,
                "{steps} steps for {bytes} bytes in pieces of {size}, at most a look and a copy each"
            );
            steps
        });
        assert!(
            2 * whole <= 5 * half,
            "{whole} steps for twice what took {half}, at most 2.5 times as many"
        );
    }
}

/// 1 MB is refused after 16 KiB.
#[test]
fn stops_at_the_limit_of_the_head() {
    let limits = HeadLimits::default();
    for size in [1, 4096, 1 << 20] {
        let (result, reader) = receive(&head_of(1 << 20), size, &limits.max_line_bytes(1 << 20));
        assert_eq!(result, Err(HeadError::HeadTooLong { limit: 16_384 }));
        let steps = reader.work;
        assert!(
            steps <= 2 * 16_384 + 1,
            "{steps} steps, at most two for each of 16,384 bytes"
        );
        let kept = reader.bytes().len();
        assert_eq!(
            kept, 0,
            "{kept} bytes are kept of a refused head, none may be"
        );
    }
    let (result, _) = receive(&head_of(limits.max_bytes + 1), 1, &limits);
    assert_eq!(result, Err(HeadError::HeadTooLong { limit: 16_384 }));
}

#[test]
fn stops_at_the_limit_of_a_line() {
    let limits = HeadLimits::default().max_line_bytes(20);
    let line = |bytes: usize| "y".repeat(bytes);
    let fits = format!("{}\r\nName: {}\r\n\r\n", line(20), line(14));
    assert_eq!(receive(fits.as_bytes(), 1, &limits).0, Ok(fits.len()));
    let first = format!("{}\r\n", line(21));
    assert_eq!(
        receive(first.as_bytes(), 1, &limits).0,
        Err(HeadError::StartLineTooLong { limit: 20 })
    );
    let second = format!("a\r\nName: {}\r\n", line(15));
    assert_eq!(
        receive(second.as_bytes(), 1, &limits).0,
        Err(HeadError::HeaderLineTooLong { limit: 20 })
    );
}

#[test]
fn stops_at_the_limit_of_headers() {
    let limits = HeadLimits::default();
    let head = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a:b\r\n".repeat(count));
    assert!(receive(head(100).as_bytes(), 9, &limits).1.is_complete());
    assert_eq!(
        receive(head(101).as_bytes(), 9, &limits).0,
        Err(HeadError::TooManyHeaders { limit: 100 })
    );
}

/// RFC 9112 §2.2, §5.1, §5.2, RFC 9110 §5.5
#[test]
fn names_the_first_rule_that_is_broken() {
    for (head, error) in [
        (&b"\r\n"[..], HeadError::InvalidStartLine),
        (b"\n", HeadError::BareLf),
        (b"a\n", HeadError::BareLf),
        (b"a\rb", HeadError::BareCr),
        (b"a\r\r\n", HeadError::BareCr),
        (b"a\0", HeadError::ControlCharacter),
        (b"a\tb", HeadError::ControlCharacter),
        (b"a\x7f", HeadError::ControlCharacter),
        (b"a\r\n b", HeadError::FoldedHeader),
        (b"a\r\nb: c\r\n\td", HeadError::FoldedHeader),
        (b"a\r\nb:c\n", HeadError::BareLf),
        (b"a\r\n\n", HeadError::BareLf),
        (b"a\r\n\rb", HeadError::BareCr),
        (b"a\r\nb:c\rd", HeadError::BareCr),
        (b"a\r\nb:\0", HeadError::ControlCharacter),
        (b"a\r\nb:\x1b", HeadError::ControlCharacter),
        (b"a\r\n:b", HeadError::InvalidHeaderName),
        (b"a\r\nb\r\n", HeadError::InvalidHeaderName),
        (b"a\r\nb(:c", HeadError::InvalidHeaderName),
        (b"a\r\n\xc3\xb6:c", HeadError::InvalidHeaderName),
        (b"a\r\nb\0:c", HeadError::InvalidHeaderName),
        (b"a\r\nb :c", HeadError::SpaceBeforeColon),
        (b"a\r\nb\t:c", HeadError::SpaceBeforeColon),
    ] {
        for size in 1..=head.len() {
            let (result, mut reader) = receive(head, size, &HeadLimits::default());
            assert_eq!(result, Err(error), "{}", head.escape_ascii());
            // It stays so.
            assert_eq!(
                reader.receive(b"GET / HTTP/1.1\r\n\r\n", &HeadLimits::default()),
                Err(error)
            );
        }
    }
}

#[test]
fn reads_the_next_head_once_cleared() {
    let mut reader = HeadReader::new();
    let limits = HeadLimits::default();
    assert_eq!(
        reader.receive(b"a\r\nb:\xff\r\n\r\n", &limits),
        Ok(HeadProgress::Complete { consumed: 10 })
    );
    assert_eq!(
        reader.receive(b"c", &limits),
        Ok(HeadProgress::Complete { consumed: 0 })
    );
    reader.clear();
    assert_eq!(
        reader.receive(b"cd\r\n\r\n", &limits),
        Ok(HeadProgress::Complete { consumed: 6 })
    );
    assert_eq!(
        (reader.bytes(), reader.header_count()),
        (&b"cd\r\n\r\n"[..], 0)
    );
}
