//! The result of a measurement: for people, or as one line of JSON.

use std::fmt::Write as _;
use std::time::Duration;

use super::histogram::Histogram;
use super::load::Plan;
use crate::output::push_string;

/// Columns of the longest bar.
const BAR: u64 = 50;

/// What was measured.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) target: String,
    pub(super) connections: usize,
    pub(super) plan: Plan,
    /// From the first dial to the last handshake.
    pub(super) connect_time: Duration,
    pub(super) connect: Histogram,
    /// From the first message to the last echo.
    pub(super) time: Duration,
    pub(super) latency: Histogram,
    /// Messages that did not come back in time.
    pub(super) unanswered: u64,
}

/// The percentiles that are told.
const SHARES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

impl Report {
    /// Lines for people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let kind = if self.plan.binary { "binary" } else { "text" };
        writeln!(
            text,
            "server     {}, {} connections, {kind} messages of {} bytes, {} at once on each",
            self.target, self.connections, self.plan.size, self.plan.depth
        )?;
        writeln!(
            text,
            "connected  {} in {}, {:.0}/s; each took p50 {}, p99 {}, longest {}",
            self.connections,
            span(self.connect_time),
            self.connect_rate(),
            span(self.connect.percentile(0.5)),
            span(self.connect.percentile(0.99)),
            span(self.connect.longest())
        )?;
        writeln!(
            text,
            "messages   {} echoed in {}, {:.0}/s, {:.1} MiB/s each way; every byte compared",
            self.latency.count(),
            span(self.time),
            self.message_rate(),
            self.megabytes()
        )?;
        if self.unanswered > 0 {
            writeln!(text, "missing    {} echoes", self.unanswered)?;
        }
        text.push_str("latency    ");
        for (name, share) in SHARES {
            write!(text, "{name} {}, ", span(self.latency.percentile(share)))?;
        }
        writeln!(
            text,
            "longest {}, mean {}",
            span(self.latency.longest()),
            span(self.latency.mean())
        )?;
        text.push_str(match self.plan.rate {
            Some(_) => "           from when a message was due by the clock to its echo\n",
            None => "           from sending to the echo, closed loop: --rate counts what a stall delays\n",
        });
        self.write_bars(text)
    }

    fn write_bars(&self, text: &mut String) -> std::fmt::Result {
        let octaves = self.latency.octaves();
        let most = octaves
            .iter()
            .map(|(_, _, count)| *count)
            .max()
            .unwrap_or(1);
        for (low, high, count) in octaves {
            let length = (count * BAR).div_ceil(most);
            let bar = "#".repeat(usize::try_from(length).unwrap_or(0));
            let bounds = format!("{} – {}", span(low), span(high));
            writeln!(text, "{bounds:>21} {count:>10} {bar}")?;
        }
        Ok(())
    }

    /// One line of JSON with a line feed. Times are in milliseconds.
    pub(super) fn json(&self) -> String {
        let mut text = String::from("{\"type\":\"bench\",\"url\":");
        push_string(&self.target, &mut text);
        // Writing to a String cannot fail.
        let _ = self.write_json(&mut text);
        text
    }

    fn write_json(&self, text: &mut String) -> std::fmt::Result {
        write!(
            text,
            ",\"connections\":{},\"size\":{},\"binary\":{},\"depth\":{}",
            self.connections, self.plan.size, self.plan.binary, self.plan.depth
        )?;
        if let Some(rate) = self.plan.rate {
            write!(text, ",\"rate\":{rate}")?;
        }
        write!(
            text,
            ",\"connectSeconds\":{:.6},\"connectsPerSecond\":{:.1},\"connect\":",
            self.connect_time.as_secs_f64(),
            self.connect_rate()
        )?;
        write_percentiles(&self.connect, text)?;
        write!(
            text,
            ",\"messages\":{},\"unanswered\":{},\"seconds\":{:.6},\"messagesPerSecond\":{:.1},\"latency\":",
            self.latency.count(),
            self.unanswered,
            self.time.as_secs_f64(),
            self.message_rate()
        )?;
        write_percentiles(&self.latency, text)?;
        text.push_str(",\"histogram\":[");
        for (place, (low, high, count)) in self.latency.octaves().into_iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(
                text,
                "{comma}{{\"from\":{},\"to\":{},\"count\":{count}}}",
                millis(low),
                millis(high)
            )?;
        }
        text.push_str("]}\n");
        Ok(())
    }

    fn connect_rate(&self) -> f64 {
        per_second(self.connect.count(), self.connect_time)
    }

    fn message_rate(&self) -> f64 {
        per_second(self.latency.count(), self.time)
    }

    #[expect(clippy::cast_precision_loss, reason = "it is rounded to a decimal")]
    fn megabytes(&self) -> f64 {
        self.message_rate() * self.plan.size as f64 / f64::from(1 << 20)
    }
}

fn write_percentiles(histogram: &Histogram, text: &mut String) -> std::fmt::Result {
    text.push('{');
    for (name, share) in SHARES {
        write!(text, "\"{name}\":{},", millis(histogram.percentile(share)))?;
    }
    write!(
        text,
        "\"max\":{},\"mean\":{}}}",
        millis(histogram.longest()),
        millis(histogram.mean())
    )
}

#[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

fn millis(time: Duration) -> f64 {
    // To the nanosecond.
    (time.as_secs_f64() * 1e9).round() / 1e6
}

/// Three figures or so and a unit.
fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0..1e-6 => format!("{:.0} ns", seconds * 1e9),
        1e-6..1e-3 => format!("{:.1} µs", seconds * 1e6),
        1e-3..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rate: Option<u32>) -> Report {
        let mut latency = Histogram::new();
        for micros in [100, 110, 5000] {
            latency.add(Duration::from_micros(micros));
        }
        let mut connect = Histogram::new();
        connect.add(Duration::from_millis(2));
        Report {
            target: String::from("ws://h/\"x"),
            connections: 1,
            plan: Plan {
                size: 64,
                binary: false,
                depth: 1,
                rate,
                duration: None,
                messages: None,
            },
            connect_time: Duration::from_millis(4),
            connect,
            time: Duration::from_millis(10),
            latency,
            unanswered: 1,
        }
    }

    #[test]
    fn the_json_is_json_with_the_figures() {
        let line = report(Some(7)).json();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["url"], "ws://h/\"x");
        assert_eq!(value["messages"], 3);
        assert_eq!(value["rate"], 7);
        assert_eq!(value["messagesPerSecond"], 300.0);
        assert_eq!(value["connectsPerSecond"], 250.0);
        assert_eq!(value["latency"]["max"], 5.0);
        assert_eq!(value["unanswered"], 1);
        let counts = value["histogram"].as_array().unwrap().iter();
        let sum: u64 = counts.map(|part| part["count"].as_u64().unwrap()).sum();
        assert_eq!(sum, 3);
    }

    #[test]
    fn people_read_what_kind_of_loop_it_was() {
        let text = report(None).text();
        assert!(text.contains("closed loop") && text.contains("3 echoed in 10.00 ms, 300/s"));
        assert!(text.contains("missing    1 echoes"), "{text}");
        assert!(
            text.contains("65.5 µs – 131.1 µs          2 ####"),
            "{text}"
        );
        assert!(report(Some(1)).text().contains("due by the clock"));
    }
}
