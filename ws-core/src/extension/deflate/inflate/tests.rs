use super::*;
use crate::extension::deflate::compress::{Compressors, Context, Shape};

fn compressed(data: &[u8]) -> Vec<u8> {
    let shape = Shape {
        window: WindowBits::MAX,
        level: 9,
        memory_level: 8,
    };
    let context = Context::Before(&[]);
    let mut compressors = Compressors::default();
    compressors.compress(data, true, shape, context).to_vec()
}

/// 1000:1, under limits around the sizes at which the output grows
#[test]
fn a_bomb_costs_no_more_than_the_limit_and_one_byte() {
    let size = 64 << 20;
    let bomb = compressed(&vec![0; size]);
    for limit in [
        0,
        1,
        FIRST_BYTES - 1,
        FIRST_BYTES,
        FIRST_BYTES + 1,
        1 << 20,
        16 << 20,
        size - 1,
    ] {
        let mut inflater = Inflater::new();
        let result = inflater.inflate(&bomb, &[], limit);
        let length = limit as u64 + 1;
        let expected = ReceiveError::MessageTooBig {
            length,
            limit: limit as u64,
        };
        assert_eq!(result, Err(expected));
        let peak = inflater.held_bytes();
        println!(
            "{} bytes for {size}, limit {limit}: {peak} at most",
            bomb.len()
        );
        let most = STREAM_BYTES + limit + 1;
        assert!(peak <= most, "{peak} bytes at the peak, at most {most}");
        inflater.trim();
        let (held, most) = (inflater.held_bytes(), STREAM_BYTES + KEPT_BYTES);
        assert!(held <= most, "{held} bytes are kept, at most {most}");
    }
    let mut inflater = Inflater::new();
    assert_eq!(inflater.inflate(&bomb, &[], size), Ok(()));
    assert_eq!(inflater.message().len(), size);
}

/// A message that ends with a final block (§7.2.3.4) is the same one whatever size the output had before it: on its way
/// to that size zlib may have taken the last byte and not have ended yet.
#[test]
fn a_final_block_ends_a_message_wherever_the_output_had_to_grow() {
    let mut ends = 0;
    for length in
        (FIRST_BYTES - 300..FIRST_BYTES + 300).chain(2 * FIRST_BYTES..2 * FIRST_BYTES + 300)
    {
        let mut message = compressed(&vec![0xA5; length]);
        message[0] |= 1;
        let mut small = Inflater::new();
        let mut large = Inflater::new();
        let noise: Vec<u8> = (0..100_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        assert_eq!(large.inflate(&compressed(&noise), &[], usize::MAX), Ok(()));
        let results = [&mut small, &mut large].map(|inflater| {
            let result = inflater.inflate(&message, &[], usize::MAX);
            result.map(|()| inflater.message().len())
        });
        assert_eq!(results, [Ok(length); 2]);
        ends += 1;
    }
    assert_eq!(ends, 900);
}
