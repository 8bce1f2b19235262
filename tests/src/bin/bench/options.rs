//! What `bench run` is asked for.

use std::{path::PathBuf, time::Duration};

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// Of each server's turn.
    pub(crate) turn: Duration,
    /// Fewer cells and connections.
    pub(crate) quick: bool,
    /// Names of peers; empty for all. Ours and the floor always run.
    pub(crate) only: Vec<String>,
    /// Pieces of the cells' names; empty for all.
    pub(crate) cells: Vec<String>,
    pub(crate) json: Option<PathBuf>,
    /// Programs of `tests/bench`, as cargo built them.
    pub(crate) programs: PathBuf,
    /// `NAME: reason`, one a line, of those that cargo could not build.
    pub(crate) not_built: Option<PathBuf>,
    /// Python with the peers' packages.
    pub(crate) python: PathBuf,
    /// Node's packages.
    pub(crate) node: PathBuf,
}

/// Rounds, and seconds of a turn, unless others are asked for; and with `--quick`.
const USUAL: (usize, f64) = (9, 0.12);
const QUICK: (usize, f64) = (3, 0.06);

impl Options {
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 0,
            turn: Duration::ZERO,
            quick: words.contains(&"--quick"),
            only: Vec::new(),
            cells: Vec::new(),
            json: None,
            programs: PathBuf::new(),
            not_built: None,
            python: PathBuf::from("python3"),
            node: PathBuf::new(),
        };
        let (rounds, seconds) = if options.quick { QUICK } else { USUAL };
        options.rounds = rounds;
        options.turn = Duration::from_secs_f64(seconds);
        let mut words = words.iter().copied().filter(|word| *word != "--quick");
        while let Some(name) = words.next() {
            let value = words
                .next()
                .ok_or_else(|| format!("{name} needs a value"))?;
            let list = || value.split(',').map(str::to_owned).collect();
            match name {
                "--rounds" => options.rounds = number(name, value)?,
                "--seconds" => options.turn = Duration::from_secs_f64(number(name, value)?),
                "--only" => options.only = list(),
                "--cells" => options.cells = list(),
                "--json" => options.json = Some(value.into()),
                "--programs" => options.programs = value.into(),
                "--not-built" => options.not_built = Some(value.into()),
                "--python" => options.python = value.into(),
                "--node" => options.node = value.into(),
                other => return Err(format!("no option {other}")),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds 0: one or more are needed".to_owned());
        }
        Ok(options)
    }

    /// Whether a cell of this name is asked for.
    pub(crate) fn wants(&self, cell: &str) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|piece| cell.contains(piece.as_str()))
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{name} {value}: a number is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_asked_for() {
        let options =
            Options::parse(&["--rounds", "2", "--quick", "--cells", "echo/,codec"]).unwrap();
        assert!(options.quick && options.rounds == 2);
        assert!(
            options.wants("echo/16 B") && options.wants("codec/1 KiB") && !options.wants("churn")
        );
        for wrong in [
            &["--rounds"][..],
            &["--rounds", "x"],
            &["--rounds", "0"],
            &["--what", "1"],
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
