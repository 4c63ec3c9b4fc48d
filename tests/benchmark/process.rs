//! What the kernel says of a process.

use std::fs;
use std::time::Duration;

use crate::Result;

/// CPU time so far, user and system, of all threads.
///
/// `schedstat` counts nanoseconds, but only of threads that live; `stat` counts all in hundredths of a second.
/// The functions' helper threads live for seconds: the larger of the two is right.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let mut live = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        live += text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or(0);
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold anything: fields are counted from behind it.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // Linux shows them in hundredths of a second on every platform we run on.
    let all = Duration::from_millis((ticks(11) + ticks(12)) * 10);
    Ok(Duration::from_nanos(live).max(all))
}

/// Memory in megabytes: the most that was resident at once, and what is resident now.
pub(crate) fn memory(pid: u32) -> Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let kibibytes = line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
        kibibytes.unwrap_or(0.0) * 1024.0 / 1e6
    };
    Ok((field("VmHWM:"), field("VmRSS:")))
}

/// The machine, for the report: CPU model and cores.
pub(crate) fn machine() -> (String, usize) {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
    };
    let model = format!("{} (family {}, model {})", field("model name"), field("cpu family"), field("model\t"));
    (model, std::thread::available_parallelism().map_or(1, usize::from))
}
