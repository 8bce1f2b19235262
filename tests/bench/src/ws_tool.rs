//! ws-tool's codec of frames; its servers have a thread for each connection, so only the codec takes part.

use std::{
    env,
    io::{self, Read, Write},
};

use ws_tests::bench::codec::{self, EchoCodec, Sink};
use ws_tool::codec::{FrameConfig, FrameReadState, FrameWriteState};

struct Codec {
    reading: FrameReadState,
    writing: FrameWriteState,
}

impl EchoCodec for Codec {
    fn echo(&mut self, mut input: &[u8], output: &mut Sink) {
        let mut output = Output(output);
        let mut stream = Input(&mut input);
        while let Ok((header, payload)) = self.reading.receive(&mut stream) {
            self.writing
                .send(&mut output, header.code, payload)
                .expect("it takes all");
        }
    }
}

struct Input<'a, 'b>(&'a mut &'b [u8]);

impl Read for Input<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

struct Output<'a>(&'a mut Sink);

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.take(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        slices.iter().for_each(|slice| self.0.take(slice));
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    assert!(
        arguments.first().is_some_and(|word| word == "codec"),
        "usage: codec …"
    );
    let config = FrameConfig {
        mask_send_frame: false,
        resize_size: 64 << 10,
        ..FrameConfig::default()
    };
    let mut codec = Codec {
        reading: FrameReadState::with_config(config.clone()),
        writing: FrameWriteState::with_config(config),
    };
    codec::main(&mut codec, &arguments[1..]);
}
