//! A fixed rate: each message has a time when it is due, and its answer is timed from then on, also when the message
//! itself had to wait. So a server that stalls cannot make the load wait with it (no coordinated omission).

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use super::{Load, PATIENCE};

impl Load {
    /// Sends `rate` messages a second for this long; how many nanoseconds each took.
    pub(crate) fn paced(&mut self, rate: u32, time: Duration) -> io::Result<Vec<u64>> {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let count = u64::from(rate) * milliseconds / 1_000;
        let mut waiting: Vec<VecDeque<(u64, Duration)>> =
            vec![VecDeque::new(); self.connections.len()];
        let mut taken = Vec::new();
        let mut next = 0;
        let start = Instant::now();
        while (taken.len() as u64) < count {
            let now = start.elapsed();
            if now > time + PATIENCE {
                return Err(io::Error::other(format!(
                    "{} of {count} messages came back",
                    taken.len()
                )));
            }
            while next < count {
                let due = Duration::from_secs(1) * u32::try_from(next).unwrap_or(u32::MAX) / rate;
                if due > now {
                    break;
                }
                let index = usize::try_from(next).unwrap_or_default() % self.connections.len();
                let connection = &mut self.connections[index];
                connection.begin(1, &self.traffic)?;
                waiting[index].push_back((connection.received_goal, due));
                next += 1;
            }
            // Not to sleep is what makes the times exact: nothing else runs on this core.
            self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
            for event in &self.events {
                let index = event.token().0;
                let connection = &mut self.connections[index];
                connection.go_on(event, &mut self.input, &self.traffic)?;
                let now = start.elapsed();
                let is_back = |(goal, _): &(u64, Duration)| *goal <= connection.received;
                while let Some((_, due)) = waiting[index].pop_front_if(|first| is_back(first)) {
                    let nanoseconds = now.saturating_sub(due).as_nanos();
                    taken.push(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
                }
            }
        }
        Ok(taken)
    }
}
