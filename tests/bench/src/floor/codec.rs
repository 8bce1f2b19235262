//! Frames in, frames out, with the checks that cannot be left out: where a frame ends, and whether a text is one.

use std::hint::black_box;

use ws_tests::bench::{
    codec::{self as harness, EchoCodec, Sink},
    traffic::Kind,
};

use super::wide;

/// Takes whole frames off the front of `input`, unmasks each where it lies and appends its echo; how many bytes it took.
pub(crate) fn turn(input: &mut [u8], output: &mut Vec<u8>) -> usize {
    frames(input, |first, payload| encode(first, payload, output))
}

/// Takes whole frames off the front of `input` and unmasks each where it lies; how many bytes it took.
///
/// Panics at a text that is none: nobody here sends one.
pub(crate) fn frames(input: &mut [u8], mut each: impl FnMut(u8, &[u8])) -> usize {
    let mut at = 0;
    while let Some((header, length)) = measure(&input[at..]) {
        let end = at + header + length;
        if end > input.len() {
            break;
        }
        let frame = &mut input[at..end];
        let first = frame[0];
        let (head, payload) = frame.split_at_mut(header);
        let key = *head.last_chunk().unwrap_or(&[0; 4]);
        wide::apply(key, payload);
        if first == 0x81 {
            assert!(simdutf8::basic::from_utf8(payload).is_ok(), "no UTF-8");
        }
        each(first, payload);
        at = end;
    }
    at
}

/// Bytes of the header and of the payload, as soon as the header is there.
pub(crate) fn measure(input: &[u8]) -> Option<(usize, usize)> {
    let (header, length) = match *input {
        [_, second, ..] if second & 0x7F < 126 => (6, usize::from(second & 0x7F)),
        [_, second, a, b, ..] if second & 0x7F == 126 => {
            (8, usize::from(u16::from_be_bytes([a, b])))
        }
        [_, _, a, b, c, d, e, f, g, h, ..] => {
            let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (14, usize::try_from(length).ok()?)
        }
        _ => return None,
    };
    (input.len() >= header).then_some((header, length))
}

/// Appends a server's frame.
pub(crate) fn encode(first: u8, payload: &[u8], output: &mut Vec<u8>) {
    let length = payload.len();
    if length < 126 {
        output.extend_from_slice(&[first, length as u8]);
    } else if let Ok(length) = u16::try_from(length) {
        let [a, b] = length.to_be_bytes();
        output.extend_from_slice(&[first, 126, a, b]);
    } else {
        output.extend_from_slice(&[first, 127]);
        output.extend_from_slice(&(length as u64).to_be_bytes());
    }
    output.extend_from_slice(payload);
}

pub(crate) struct Floor {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            input: vec![0; 2 << 20],
            output: Vec::new(),
        }
    }
}

impl EchoCodec for Floor {
    fn echo(&mut self, input: &[u8], output: &mut Sink) {
        let buffer = &mut self.input[..input.len()];
        buffer.copy_from_slice(input);
        self.output.clear();
        turn(buffer, &mut self.output);
        output.take(&self.output);
    }
}

/// What the machine can do, for a payload of the same size: no frames at all.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    Copy,
    Xor,
    Utf8,
}

/// `codec-… SIZE KIND for SECONDS`: nanoseconds for each payload.
pub(crate) fn limit(limit: Limit, arguments: &[String]) {
    let [size, kind, _, amount] = arguments else {
        panic!("codec-… SIZE KIND for SECONDS")
    };
    let size = size.parse().unwrap_or_else(|_| panic!("{size} is no size"));
    let kind = Kind::named(kind).unwrap_or_else(|| panic!("{kind} is no kind"));
    let seconds: f64 = amount
        .parse()
        .unwrap_or_else(|_| panic!("{amount} is no time"));
    // As many payloads as the codecs get in a call.
    let count = harness::messages_in_call(size);
    let mut from: Vec<u8> = (0..count)
        .flat_map(|number| kind.payload(size, number))
        .collect();
    let mut to = vec![0; from.len()];
    let call = || {
        for (from, to) in from.chunks_exact_mut(size).zip(to.chunks_exact_mut(size)) {
            match limit {
                Limit::Copy => black_box(to).copy_from_slice(black_box(from)),
                Limit::Xor => wide::apply(black_box([1, 2, 3, 4]), black_box(from)),
                Limit::Utf8 => drop(black_box(simdutf8::basic::from_utf8(black_box(from)))),
            }
        }
    };
    let nanoseconds =
        harness::median_nanoseconds(call, std::time::Duration::from_secs_f64(seconds));
    println!("{:.3}", nanoseconds / count as f64);
}
