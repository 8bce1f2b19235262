//! Where typed lines are kept between runs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use super::Line;

/// The file, if there is to be one. What fails is logged: a history is no reason not to connect.
#[derive(Debug)]
pub(super) struct History(Option<PathBuf>);

impl History {
    /// Reads the lines of earlier runs.
    pub(super) fn open(editor: &mut Line) -> Self {
        let path = path(|name| env::var_os(name));
        if let Some(path) = path.as_ref().filter(|path| path.exists())
            && let Err(error) = editor.load_history(path)
        {
            log::debug!("no history from {}: {error}", path.display());
        }
        Self(path)
    }

    /// Appends what is new, so that several prompts can run at once. The file is the user's alone.
    pub(super) fn keep(&self, editor: &mut Line) {
        let Some(path) = &self.0 else {
            return;
        };
        if let Some(folder) = path.parent() {
            // If that fails, so does what follows, and says why.
            let _ = fs::create_dir_all(folder);
        }
        if let Err(error) = editor.append_history(path) {
            log::debug!("no history in {}: {error}", path.display());
        }
    }
}

/// `WS_HISTORY` (empty: none), else a file in the folder for the state of programs.
fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("WS_HISTORY") {
        return (!path.is_empty()).then(|| path.into());
    }
    let state = if cfg!(windows) {
        PathBuf::from(folder("LOCALAPPDATA")?)
    } else if let Some(state) = folder("XDG_STATE_HOME") {
        state.into()
    } else {
        PathBuf::from(folder("HOME")?).join(".local/state")
    };
    Some(state.join("ws").join("history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_with(variables: &[(&str, &str)]) -> Option<PathBuf> {
        path(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[cfg(unix)]
    #[test]
    fn the_variable_wins_and_can_switch_it_off() {
        let home = ("HOME", "h");
        let state = ("XDG_STATE_HOME", "s");
        assert_eq!(
            path_with(&[home, state, ("WS_HISTORY", "f")]),
            Some("f".into())
        );
        assert_eq!(path_with(&[home, state, ("WS_HISTORY", "")]), None);
        assert_eq!(path_with(&[home, state]), Some("s/ws/history".into()));
        assert_eq!(
            path_with(&[home, ("XDG_STATE_HOME", "")]),
            Some("h/.local/state/ws/history".into())
        );
        assert_eq!(path_with(&[]), None);
    }
}
