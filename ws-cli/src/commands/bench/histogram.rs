//! Durations, counted in classes that are at most a sixty-fourth wide.

use std::time::Duration;

/// Classes between one power of two and the next.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.ilog2();

/// How often which duration came; any number of them in 30 KiB.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum_nanos: u128,
    longest: Duration,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; class(u64::MAX) + 1],
            count: 0,
            sum_nanos: 0,
            longest: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counts[class(nanos)] += 1;
        self.count += 1;
        self.sum_nanos += u128::from(nanos);
        self.longest = self.longest.max(duration);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    pub(super) fn mean(&self) -> Duration {
        let mean = self.sum_nanos / u128::from(self.count.max(1));
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The duration that `share` of all do not exceed, at most a sixty-fourth too long.
    pub(super) fn percentile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count is a count"
        )]
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (class, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(last_of(class)).min(self.longest);
            }
        }
        self.longest
    }

    /// The counts between powers of two, from the first that has any to the last: the bounds and how many.
    pub(super) fn octaves(&self) -> Vec<(Duration, Duration, u64)> {
        let mut octaves: Vec<(Duration, Duration, u64)> = Vec::new();
        for exponent in 0..u64::BITS {
            let (low, high) = (1_u64 << exponent, (1_u64 << exponent).saturating_mul(2));
            let first = if exponent == 0 { 0 } else { class(low) };
            let count = self.counts[first..class(high)].iter().sum();
            if count > 0 || !octaves.is_empty() {
                let bounds = (Duration::from_nanos(low), Duration::from_nanos(high));
                octaves.push((bounds.0, bounds.1, count));
            }
        }
        while octaves.pop_if(|(_, _, count)| *count == 0).is_some() {}
        octaves
    }
}

/// Below [`STEPS`] a class each; above, that many classes between two powers of two.
fn class(nanos: u64) -> usize {
    let octave = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let class = u64::from(octave) * STEPS + (nanos >> octave);
    usize::try_from(class).unwrap_or(usize::MAX)
}

/// The longest duration of a class.
fn last_of(class: usize) -> u64 {
    let class = class as u64;
    let octave = (class / STEPS).saturating_sub(1);
    let step = class - octave * STEPS;
    let next = (u128::from(step) + 1) << octave;
    u64::try_from(next - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_each_other_and_hold_what_they_say() {
        let mut expected_first = 0_u64;
        for place in 0..=class(u64::MAX) {
            assert_eq!(class(expected_first), place, "{expected_first}");
            let last = last_of(place);
            assert_eq!(class(last), place, "{last}");
            assert!(last - expected_first <= expected_first / STEPS, "{last}");
            expected_first = last.wrapping_add(1);
        }
        assert_eq!(
            expected_first, 0,
            "the last class ends with the largest number"
        );
    }

    #[test]
    fn percentiles_are_those_of_a_sorted_list() {
        let mut histogram = Histogram::new();
        for micros in (1..=1000).rev() {
            histogram.add(Duration::from_micros(micros));
        }
        for (share, micros) in [(0.5, 500.0), (0.9, 900.0), (0.999, 999.0), (0.0, 1.0)] {
            let found = histogram.percentile(share).as_secs_f64() * 1e6;
            assert!(
                (micros..=micros * 1.016).contains(&found),
                "{share}: {found}"
            );
        }
        assert_eq!(histogram.percentile(1.0), Duration::from_micros(1000));
        assert_eq!(histogram.mean(), Duration::from_nanos(500_500));
        assert_eq!(Histogram::new().percentile(0.5), Duration::ZERO);
    }

    #[test]
    fn octaves_have_every_count_once() {
        let mut histogram = Histogram::new();
        for nanos in [0, 1, 2, 3, 1000, 1023, 1024, 5000] {
            histogram.add(Duration::from_nanos(nanos));
        }
        let octaves = histogram.octaves();
        let counts: Vec<u64> = octaves.iter().map(|(_, _, count)| *count).collect();
        assert_eq!(counts, [2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 1]);
        assert_eq!(octaves[9].0, Duration::from_nanos(512));
    }
}
