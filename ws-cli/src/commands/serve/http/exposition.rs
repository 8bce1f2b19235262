//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

/// What it is called in HTTP.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// It only grows; its name ends with `_total`.
    Counter,
    Gauge,
}

/// Metrics, written one after the other: each name once, with all its samples.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// A metric with samples, each with its labels. `help` has no line ends, and labels no quotes: both are ours.
    pub(super) fn family<const N: usize, V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = ([(&'static str, String); N], V)>,
    ) {
        debug_assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"));
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            self.0.push_str(name);
            for (index, (label, text)) in labels.iter().enumerate() {
                let before = if index == 0 { '{' } else { ',' };
                let _ = write!(self.0, "{before}{label}=\"{text}\"");
            }
            if N > 0 {
                self.0.push('}');
            }
            let _ = writeln!(self.0, " {value}");
        }
    }

    /// A metric with one sample.
    pub(super) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help, [([], value)]);
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_help_type_and_samples() {
        let mut text = Exposition::default();
        text.single("a_seconds", Kind::Gauge, "Time.", 1.5);
        let samples = [
            ([("x", "1".into()), ("y", "b".into())], 2),
            ([("x", "2".into()), ("y", "c".into())], 0),
        ];
        text.family("b_total", Kind::Counter, "Count.", samples);
        assert_eq!(
            text.finish(),
            "# HELP a_seconds Time.\n# TYPE a_seconds gauge\na_seconds 1.5\n\
             # HELP b_total Count.\n# TYPE b_total counter\nb_total{x=\"1\",y=\"b\"} 2\nb_total{x=\"2\",y=\"c\"} 0\n"
        );
    }
}
