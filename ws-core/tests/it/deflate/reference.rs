//! A second inflater, written from RFC 1951 for clarity: it judges what our compressor makes, and how far it refers back.
//! It panics on anything invalid.

/// Everything inflated so far, and the farthest reference in it.
#[derive(Default)]
pub(super) struct Reference {
    output: Vec<u8>,
    pub(super) farthest: usize,
}

/// A code's length in bits, its value, and the symbol it stands for.
type Code = (u32, usize, usize);
/// In the order of the first two.
type Codes = Vec<Code>;

/// Bits of a byte from the lowest up (§3.1.1).
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> usize {
        (0..count).fold(0, |value, bit| {
            let byte = self.bytes[self.position / 8];
            let one = usize::from(byte >> (self.position % 8) & 1);
            self.position += 1;
            value | one << bit
        })
    }

    /// §3.2.2: one bit after the other, the first being the highest.
    fn symbol(&mut self, codes: &[Code]) -> usize {
        let (mut length, mut code) = (0, 0);
        loop {
            length += 1;
            code = code << 1 | self.take(1);
            if let Ok(index) = codes.binary_search_by_key(&(length, code), |c| (c.0, c.1)) {
                return codes[index].2;
            }
            assert!(length < 15, "no such code");
        }
    }
}

/// §3.2.2
fn codes(lengths: &[u32]) -> Codes {
    let mut codes = Vec::new();
    let mut code = 0;
    for length in 1..=15 {
        code <<= 1;
        for (symbol, _) in lengths.iter().enumerate().filter(|(_, l)| **l == length) {
            codes.push((length, code, symbol));
            code += 1;
        }
    }
    codes
}

impl Reference {
    /// Inflates the payload of a message, to which the end of its last block is added (RFC 7692 §7.2.2).
    pub(super) fn inflate(&mut self, payload: &[u8]) -> Vec<u8> {
        let before = self.output.len();
        let bytes = [payload, &[0, 0, 0xFF, 0xFF]].concat();
        let bits = &mut Bits {
            bytes: &bytes,
            position: 0,
        };
        while bits.position.div_ceil(8) < bytes.len() {
            let is_final = bits.take(1);
            assert_eq!(is_final, 0, "our blocks never end a stream");
            match bits.take(2) {
                0 => self.stored(bits),
                1 => {
                    let literal = [(144, 8), (112, 9), (24, 7), (8, 8)];
                    let lengths: Vec<u32> = literal
                        .iter()
                        .flat_map(|&(count, length)| std::iter::repeat_n(length, count))
                        .collect();
                    self.block(bits, &codes(&lengths), &codes(&[5; 30]));
                }
                2 => {
                    let (literals, distances) = dynamic(bits);
                    self.block(bits, &literals, &distances);
                }
                _ => panic!("a reserved kind of block"),
            }
        }
        self.output[before..].to_vec()
    }

    /// §3.2.4
    fn stored(&mut self, bits: &mut Bits<'_>) {
        bits.position = bits.position.next_multiple_of(8);
        let length = bits.take(16);
        assert_eq!(bits.take(16), length ^ 0xFFFF);
        for _ in 0..length {
            let byte = bits.take(8);
            self.output.push(u8::try_from(byte).expect("eight bits"));
        }
    }

    /// §3.2.5
    fn block(&mut self, bits: &mut Bits<'_>, literals: &[Code], distances: &[Code]) {
        loop {
            let symbol = bits.symbol(literals);
            if symbol == 256 {
                return;
            }
            if let Ok(literal) = u8::try_from(symbol) {
                self.output.push(literal);
                continue;
            }
            let length = match symbol {
                257..=264 => symbol - 254,
                285 => 258,
                _ => extended(bits, symbol - 257, 4) + 3,
            };
            let symbol = bits.symbol(distances);
            let distance = match symbol {
                0..=3 => symbol + 1,
                _ => extended(bits, symbol, 2) + 1,
            };
            self.farthest = self.farthest.max(distance);
            for _ in 0..length {
                self.output.push(self.output[self.output.len() - distance]);
            }
        }
    }
}

/// A symbol of a range that doubles every `steps` symbols (both tables of §3.2.5).
fn extended(bits: &mut Bits<'_>, symbol: usize, steps: usize) -> usize {
    let extra = symbol / steps - 1;
    let base = (steps + symbol % steps) << extra;
    base + bits.take(u32::try_from(extra).expect("small"))
}

/// §3.2.7
fn dynamic(bits: &mut Bits<'_>) -> (Codes, Codes) {
    let (literals, distances, meta) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let order = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let mut meta_lengths = [0; 19];
    for symbol in &order[..meta] {
        meta_lengths[*symbol] = u32::try_from(bits.take(3)).expect("three bits");
    }
    let meta = codes(&meta_lengths);
    let mut lengths: Vec<u32> = Vec::new();
    while lengths.len() < literals + distances {
        let (length, count) = match bits.symbol(&meta) {
            16 => (*lengths.last().expect("a length before"), 3 + bits.take(2)),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (u32::try_from(length).expect("at most 15"), 1),
        };
        lengths.extend(std::iter::repeat_n(length, count));
    }
    (codes(&lengths[..literals]), codes(&lengths[literals..]))
}
