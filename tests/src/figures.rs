//! Memory and open files of a process, as Linux reports them under `/proc`.

use std::fs;

/// Resident memory of the process, in bytes. `None` if it does not run (or this is not Linux).
pub fn resident_bytes(pid: u32) -> Option<u64> {
    status_kibibytes(pid, "VmRSS:")
}

fn status_kibibytes(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The most memory that was ever resident, in bytes. `None` if the process does not run (or this is not Linux).
pub fn peak_resident_bytes(pid: u32) -> Option<u64> {
    status_kibibytes(pid, "VmHWM:")
}

/// CPU time of the process, user and system, in seconds; to a hundredth. `None` if it does not run (or this is not
/// Linux).
pub fn cpu_seconds(pid: u32) -> Option<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, but its parenthesis is the last one.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let [user, system] = [fields.get(11)?, fields.get(12)?];
    let ticks = user.parse::<f64>().ok()? + system.parse::<f64>().ok()?;
    Some(ticks / TICKS_A_SECOND)
}

/// CPU time of all threads of the process so far, in nanoseconds. `None` if it does not run (or this is not Linux).
///
/// Exact only while the process waits: the system counts a running thread at its ticks.
pub fn cpu_nanoseconds(pid: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let of_thread = |path: std::path::PathBuf| -> Option<u64> {
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    Some(
        threads
            .flatten()
            .filter_map(|thread| of_thread(thread.path()))
            .sum(),
    )
}

/// Open files of the process. `None` if it does not run (or this is not Linux).
pub fn open_files(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// The slope in the middle of those between each two points (Theil and Sen); 0 for fewer than two points.
///
/// What grows all the time shows, in however many steps. One step does not tilt it, as a machine that stalled for a moment
/// makes of what had to wait: the allocator keeps such memory.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let behind = |index: usize| points.iter().skip(index + 1);
    let pairs = points.iter().enumerate().flat_map(|(index, &(x, y))| {
        behind(index).map(move |&(later, other)| (other - y) / (later - x))
    });
    let mut slopes: Vec<f64> = pairs.filter(|slope| slope.is_finite()).collect();
    let middle = slopes.len() / 2;
    if slopes.is_empty() {
        return 0.0;
    }
    *slopes.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 100_000);
        // Read before the peak, as other tests run beside this one; the kernel's counters are some pages apart.
        let resident = resident_bytes(pid).unwrap();
        assert!(peak_resident_bytes(pid).unwrap() + (1 << 20) >= resident);
        assert!(cpu_seconds(pid).unwrap() < 3_600.0);
        assert!(cpu_nanoseconds(pid).unwrap() > 0);
        assert!(open_files(pid).unwrap() >= 3);
        assert_eq!(resident_bytes(u32::MAX), None);
    }

    #[test]
    fn fits_a_line_and_takes_one_step_for_none() {
        let exact = slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]);
        assert!((exact - 2.0).abs() < 1e-9, "{exact}");
        assert_eq!(slope(&[]), 0.0);
        assert_eq!(slope(&[(1.0, 1.0)]), 0.0);
        let points = |value: fn(f64) -> f64| {
            let points = (0..100).map(f64::from).map(|x| (x, value(x)));
            slope(&points.collect::<Vec<_>>())
        };
        assert_eq!(points(|x| if x < 30.0 { 9.0 } else { 29.0 }), 0.0);
        let stairs = points(|x| (x / 10.0).floor() * 10.0);
        assert!((0.9..1.1).contains(&stairs), "{stairs}");
    }
}
