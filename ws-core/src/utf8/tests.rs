use super::*;

/// Every way in which a sequence is bad (§8.1, R-20), each judged at its first bad byte.
const BAD: [&[u8]; 9] = [
    b"\xC0",
    b"\xC1",
    b"\x80",
    b"\xE0\x80",
    b"\xED\xA0",
    b"\xF0\x80",
    b"\xF4\x90",
    b"\xF5",
    b"\xC3\x28",
];

/// The first and the last character of each length, and those beside what is not one.
const GOOD: [&str; 9] = [
    "\u{7F}",
    "\u{80}",
    "\u{7FF}",
    "\u{800}",
    "\u{D7FF}",
    "\u{E000}",
    "\u{FFFF}",
    "\u{10000}",
    "\u{10FFFF}",
];

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// What [`unmask_text`] makes of masked bytes, also on a processor without AVX2, and its safe twin: std's judge.
fn agree(plain: &[u8]) {
    let mut masked = plain.to_vec();
    mask::apply(KEY, 0, &mut masked);
    let expected = str::from_utf8(plain).map_err(|_| InvalidUtf8);
    for unmask in [unmask_text, unmask_text_in_pieces] {
        let mut masked = masked.clone();
        let length = plain.len();
        assert_eq!(unmask(KEY, &mut masked), expected, "{length} bytes");
    }
}

#[test]
fn judges_across_any_split_and_fails_at_the_first_bad_byte() {
    for sequence in BAD {
        let mut payload = Payload::default();
        let results: Vec<_> = sequence.iter().map(|b| payload.push_text(&[*b])).collect();
        let (last, before) = results.split_last().expect("not empty");
        assert_eq!(last, &Err(InvalidUtf8), "{sequence:x?}");
        assert!(
            before.iter().all(Result::is_ok),
            "{sequence:x?}: failed too early"
        );
    }
    for text in GOOD {
        for cut in 0..=text.len() {
            let mut payload = Payload::default();
            let (left, right) = text.as_bytes().split_at(cut);
            payload.push_text(left).expect("a prefix is no error");
            let is_whole = cut == 0 || cut == text.len();
            let is_text = payload.as_text().is_ok();
            let length = text.len();
            assert_eq!(is_text, is_whole, "a text of {cut} of {length} bytes");
            payload.push_text(right).expect("valid");
            assert_eq!(payload.as_text(), Ok(text), "cut at {cut} of {length}");
        }
    }
}

/// Pushes `sequence` in two pieces, cut anywhere, and byte by byte: it fails where std does, at the first byte that no
/// further byte could make good.
fn judge_every_split(sequence: &[u8]) {
    let fails = |bytes: &[u8]| str::from_utf8(bytes).is_err_and(|e| e.error_len().is_some());
    let first_bad = (1..=sequence.len()).find(|&length| fails(&sequence[..length]));
    let mut payload = Payload::default();
    let failed = (1..=sequence.len()).find(|&n| payload.push_text(&sequence[n - 1..n]).is_err());
    assert_eq!(
        failed, first_bad,
        "{sequence:x?} fails at another byte than its first bad one"
    );
    let whole = str::from_utf8(sequence).map_err(|_| InvalidUtf8);
    for cut in 0..=sequence.len() {
        let mut payload = Payload::default();
        let (left, right) = sequence.split_at(cut);
        let pushed = payload
            .push_text(left)
            .and_then(|()| payload.push_text(right));
        assert_eq!(
            pushed.is_err(),
            first_bad.is_some(),
            "{sequence:x?} cut at {cut}"
        );
        if pushed.is_ok() {
            assert_eq!(payload.as_text(), whole, "{sequence:x?} cut at {cut}");
        }
    }
}

/// all sequences of one and two bytes, and of three and four all that begin as such and go on with the first, the
/// last or no continuation.
#[test]
fn every_split_of_every_short_sequence_is_judged_as_by_std() {
    const NEXT: [u8; 6] = [0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF];
    for one in 0..=u8::MAX {
        judge_every_split(&[one]);
        for two in 0..=u8::MAX {
            judge_every_split(&[one, two]);
            if one < 0xE0 {
                continue;
            }
            for three in NEXT {
                judge_every_split(&[one, two, three]);
                if one >= 0xF0 {
                    for four in NEXT {
                        judge_every_split(&[one, two, three, four]);
                    }
                }
            }
        }
    }
}

/// Masked bytes pushed in pieces: an error if and only if what has come so far can become no text.
fn agree_in_pieces(plain: &[u8], cut: usize) {
    let mut payload = Payload::default();
    let reserved = payload.try_reserve(plain.len(), 0, plain.len(), &mut Buffers::default());
    reserved.expect("there is memory");
    let mut end = 0;
    for piece in [&plain[..cut], &plain[cut..]] {
        end += piece.len();
        payload.spare(piece.len()).copy_from_slice(piece);
        mask::apply(KEY, 0, payload.written(piece.len()));
        let pushed = payload.push_masked_text(KEY, piece.len());
        let std = str::from_utf8(&plain[..end]);
        let is_hopeless = std.is_err_and(|error| error.error_len().is_some());
        assert_eq!(pushed.is_err(), is_hopeless, "{end} of {plain:x?}");
        if pushed.is_err() {
            return;
        }
    }
    assert_eq!(payload.as_text().ok(), str::from_utf8(plain).ok());
}

/// The buffer is one of an earlier message, of which the end of a character lies where the next one's lead ends.
#[test]
fn what_lies_before_a_long_text_is_no_part_of_it() {
    let rest = "x".repeat(200_000);
    for (begin, is_text) in [("", true), ("\u{20AC}", true), ("\u{20AC}", false)] {
        let begun = if is_text { 0 } else { 1 };
        let plain = &[begin.as_bytes(), rest.as_bytes()].concat()[begun..];
        let mut buffers = Buffers::default();
        buffers.give_back(vec![0xE2; 300_000]);
        let mut payload = Payload::default();
        let reserved = payload.try_reserve(5000, 0, plain.len(), &mut buffers);
        reserved.expect("there is memory");
        assert_eq!((payload.capacity(), payload.start), (300_000, LEAD_BYTES));
        payload.spare(plain.len()).copy_from_slice(plain);
        mask::apply(KEY, 0, payload.written(plain.len()));
        let pushed = payload.push_masked_text(KEY, plain.len());
        assert_eq!(pushed.is_ok(), is_text);
        if is_text {
            assert!(payload.as_text().is_ok_and(|text| text.as_bytes() == plain));
            assert!(payload.take_text().into_bytes() == plain);
        }
    }
}

#[test]
fn agrees_with_std_on_masked_bytes_cut_around_a_character() {
    for sequence in GOOD.map(str::as_bytes).iter().chain(&BAD) {
        for length in [0, 40, 64, 100] {
            for place in [0, 29, 31, 32, 33, 60, 64] {
                let mut plain = vec![b'a'; length.max(place)];
                plain.splice(place..place, sequence.iter().copied());
                for cut in place..=place + sequence.len() {
                    agree_in_pieces(&plain, cut);
                    agree_in_pieces(&plain, plain.len() - cut.min(plain.len()));
                }
            }
        }
    }
}

#[test]
fn agrees_with_std_at_every_length_and_place_of_a_character_in_short_texts() {
    for sequence in GOOD.map(str::as_bytes).iter().chain(&BAD) {
        for length in (0..80).chain([SHORT - 1, SHORT, SHORT + 1, SHORT + 9]) {
            for place in [0, length / 2, length] {
                let mut plain = vec![b'a'; length];
                plain.splice(place..place, sequence.iter().copied());
                agree(&plain);
            }
        }
    }
}

#[test]
fn agrees_with_std_around_the_border_of_two_pieces() {
    for sequence in GOOD.map(str::as_bytes).iter().chain(&BAD) {
        for border in [AT_ONCE, 2 * AT_ONCE] {
            for place in border - 5..border + 2 {
                for length in [place, 3 * AT_ONCE] {
                    let mut plain = vec![b'a'; length];
                    plain.splice(place..place, sequence.iter().copied());
                    agree(&plain);
                }
            }
        }
    }
    let mixed = "Grüße, привет, 你好, 🙂. ".repeat(2000);
    for cut in 0..40 {
        agree(&mixed.as_bytes()[cut..]);
        agree(&mixed.as_bytes()[..mixed.len() - cut]);
    }
}
