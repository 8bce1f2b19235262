//! Whether the system lets this process hold as many connections as the server may.

/// Says that it does not, with what to do.
pub(crate) fn shortage(max_connections: usize) -> Option<String> {
    shortage_of(limit()?, max_connections)
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// Sockets of Windows have no such limit.
#[cfg(not(unix))]
const fn limit() -> Option<u64> {
    None
}

fn shortage_of(limit: u64, max_connections: usize) -> Option<String> {
    let wanted = (max_connections as u64).saturating_add(OTHERS);
    (limit < wanted).then(|| {
        format!(
            "this process may have {limit} open files, and {max_connections} connections want {wanted}: raise that \
             (ulimit -n) or allow fewer connections"
        )
    })
}

/// Of the listener, the loops, log files and the program itself.
const OTHERS: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_short_by_one_and_what_to_do() {
        assert_eq!(shortage_of(164, 100), None);
        let text = shortage_of(163, 100).expect("one too few");
        for part in ["163 open files", "100 connections want 164", "ulimit -n"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(
            shortage_of(u64::MAX - 1, usize::MAX).is_some() || cfg!(target_pointer_width = "32")
        );
    }

    #[test]
    #[cfg(unix)]
    fn the_limit_is_that_of_the_process() {
        let limit = limit().map_or(u64::MAX, |limit| limit);
        assert!(limit > 3, "{limit}");
        assert_eq!(shortage(usize::MAX).is_some(), limit < u64::MAX);
    }
}
