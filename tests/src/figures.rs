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

/// The slope of the straight line that fits the points best (least squares); 0 for fewer than two points.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    if spread > 0.0 { together / spread } else { 0.0 }
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
    fn fits_a_line() {
        let exact = slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]);
        assert!((exact - 2.0).abs() < 1e-9, "{exact}");
        assert_eq!(slope(&[]), 0.0);
        assert_eq!(slope(&[(1.0, 1.0)]), 0.0);
    }
}
