//! Every pair of a state and an input: how often it was reached, and why some cannot be.

use std::fmt::Write as _;

use super::{input::Input, state::State};

/// How often each pair was reached.
#[derive(Debug, Clone)]
pub(crate) struct Pairs(Vec<u64>);

impl Default for Pairs {
    fn default() -> Self {
        Self(vec![0; State::ALL.len() * Input::ALL.len()])
    }
}

impl Pairs {
    pub(crate) fn count(&mut self, state: State, input: Input) {
        self.0[state as usize * Input::ALL.len() + input as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(&other.0) {
            *sum += count;
        }
    }

    fn all(&self) -> impl Iterator<Item = (State, Input, u64)> {
        let pairs = State::ALL
            .into_iter()
            .flat_map(|state| Input::ALL.map(|input| (state, input)));
        pairs
            .zip(&self.0)
            .map(|((state, input), count)| (state, input, *count))
    }

    /// Pairs that are possible and were not reached.
    pub(crate) fn missing(&self) -> Vec<(State, Input)> {
        self.all()
            .filter(|(state, input, count)| *count == 0 && why_not(*state, *input).is_none())
            .map(|(state, input, _)| (state, input))
            .collect()
    }

    /// Pairs that were reached although a reason says that they cannot be.
    pub(crate) fn refuted(&self) -> Vec<(State, Input, &'static str)> {
        self.all()
            .filter(|(.., count)| *count > 0)
            .filter_map(|(state, input, _)| Some((state, input, why_not(state, input)?)))
            .collect()
    }

    /// How many pairs were reached, and how many there are.
    pub(crate) fn reached(&self) -> (usize, usize) {
        let reached = self.all().filter(|(.., count)| *count > 0).count();
        let possible = self
            .all()
            .filter(|(state, input, _)| why_not(*state, *input).is_none())
            .count();
        (reached, possible)
    }

    /// A line for each state.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        for wanted in State::ALL {
            let _ = write!(table, "{wanted:?}:");
            for (state, input, count) in self.all() {
                if state == wanted && (count > 0 || why_not(state, input).is_none()) {
                    let _ = write!(table, " {input:?} {count},");
                }
            }
            table.pop();
            table.push('\n');
        }
        table
    }
}

/// Why a pair cannot be; none if it can.
fn why_not(state: State, input: Input) -> Option<&'static str> {
    IMPOSSIBLE
        .iter()
        .find(|(states, inputs, _)| states.contains(&state) && inputs.contains(&input))
        .map(|(.., reason)| *reason)
}

/// The pairs that cannot be, each for a reason.
const IMPOSSIBLE: &[(&[State], &[Input], &str)] = &[];
