//! Medians and quartiles of rounds.

/// What a number of rounds come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            low: quantile(&sorted, 0.25)?,
            median: quantile(&sorted, 0.5)?,
            high: quantile(&sorted, 0.75)?,
        })
    }
}

/// Between the two nearest of sorted figures, in proportion.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a place in a slice that was made of its length"
)]
pub(crate) fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let at = part * (sorted.len().checked_sub(1)? as f64);
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_few_and_many() {
        let spread = Spread::of([4.0, 1.0, 2.0, 3.0, 5.0]).unwrap();
        assert_eq!([spread.low, spread.median, spread.high], [2.0, 3.0, 4.0]);
        assert_eq!(Spread::of([7.0]).unwrap().high, 7.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
        assert!(Spread::of([]).is_none());
    }
}
