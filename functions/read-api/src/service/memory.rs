//! How much of its memory an instance uses, for the probe of liveness.

use signalbox::environment::Environment;

/// An instance that uses more is unhealthy, in percent.
pub(crate) const PERCENT_MAX: u64 = 90;

/// The share of the memory that this process may have and does use, in percent; 0 where that cannot be told.
pub(crate) fn usage(environment: &Environment) -> u64 {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    // The size is one function's. Only Lambda gives each a process of its own, and says where its runtime API is; in the
    // local host all functions share one, with the engines.
    let alone = environment.get("AWS_LAMBDA_RUNTIME_API").is_some();
    let size = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").filter(|_| alone);
    percent(&read("/proc/self/status"), size, &read("/proc/meminfo"))
}

/// Of the function's size in MB where it has one, else of the machine's memory. Rounded up, so that a little over the
/// most is over it.
fn percent(status: &str, size_mb: Option<&str>, machine: &str) -> u64 {
    let most_kb = match size_mb.and_then(|size| size.trim().parse::<u64>().ok()) {
        Some(size_mb) => Some(size_mb.saturating_mul(1024)),
        None => kilobytes(machine, "MemTotal:"),
    };
    match (kilobytes(status, "VmRSS:"), most_kb) {
        (Some(used), Some(most)) if most > 0 => used.saturating_mul(100).div_ceil(most),
        _ => 0,
    }
}

/// A line of Linux's `/proc` files: `VmRSS:     5120 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_functions_size_or_the_machines_memory() {
        let status = "Name:\tread-api\nVmPeak:\t  999999 kB\nVmRSS:\t   26215 kB\nThreads:\t1\n";
        let machine = "MemTotal:         524288 kB\nMemFree:          1024 kB\n";
        for (status, size, machine, expected) in [
            (status, Some("256"), machine, 11),
            (status, Some("256"), "", 11),
            (status, None, machine, 6),
            (status, Some("many"), machine, 6),
            (status, None, "", 0),
            (status, Some("0"), machine, 0),
            ("", Some("256"), machine, 0),
            ("VmRSS: many kB", None, machine, 0),
            ("VmRSS: 235929 kB", Some("256"), "", 90),
            ("VmRSS: 235930 kB", Some("256"), "", 91),
            ("VmRSS: 300000 kB", Some("256"), "", 115),
        ] {
            assert_eq!(percent(status, size, machine), expected, "{status:?} {size:?} {machine:?}");
        }
    }

    #[test]
    fn this_process_uses_some_memory() {
        let alone = [("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1")];
        assert!(usage(&alone.into_iter().collect()) > PERCENT_MAX);
        // The local host says a function's size too.
        assert!(usage(&alone.into_iter().skip(1).collect()) <= PERCENT_MAX);
    }
}
