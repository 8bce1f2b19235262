//! One sends, everybody receives.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Load, wait};

impl Load {
    /// Sends batches on the first connection for this long, each when all have got the one before; how many messages.
    pub(crate) fn broadcast(&mut self, time: Duration) -> io::Result<u64> {
        let start = Instant::now();
        let mut messages = 0;
        loop {
            let mut waiting = self.connections.len();
            for (index, connection) in self.connections.iter_mut().enumerate() {
                if index > 0 {
                    connection.expect(self.depth, &self.traffic);
                }
            }
            self.connections[0].begin(self.depth, &self.traffic)?;
            while waiting > 0 {
                wait(&mut self.poll, &mut self.events)?;
                for event in &self.events {
                    let connection = &mut self.connections[event.token().0];
                    waiting -=
                        usize::from(connection.go_on(event, &mut self.input, &self.traffic)?);
                }
            }
            messages += self.depth;
            if start.elapsed() >= time {
                return Ok(messages);
            }
        }
    }
}
