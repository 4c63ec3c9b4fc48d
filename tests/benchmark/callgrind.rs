//! Counts a function's instructions: they depend neither on the machine nor on what else it does.
//!
//! The binary runs on valgrind's processor, which knows AVX2 and nothing newer, so that what is chosen by the processor is chosen alike
//! everywhere. The kernel's instructions are not among them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Result;

/// Lets glibc copy memory by vectors whatever its size: of what one instruction repeats, callgrind counts each turn, which would be an
/// instruction a byte.
pub(crate) const TUNED: (&str, &str) =
    ("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1073741824:glibc.cpu.x86_rep_stosb_threshold=1073741824");
/// A dump takes a tenth of a second.
const DUMP_MAX: Duration = Duration::from_secs(30);

/// Where callgrind writes what it has counted of one process.
pub(crate) struct Callgrind {
    valgrind: PathBuf,
    vgdb: PathBuf,
    folder: TempDir,
    dumps: u32,
}

/// Whether the programs are there that it takes.
pub(crate) fn is_there() -> bool {
    found("valgrind").is_some() && found("vgdb").is_some()
}

/// By its path, as the functions' environments have none.
fn found(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

impl Callgrind {
    pub(crate) fn new() -> Result<Self> {
        let of = |program| found(program).ok_or_else(|| format!("there is no {program}: install valgrind"));
        let folder = TempDir::with_prefix("signalbox-callgrind-")?;
        Ok(Self { valgrind: of("valgrind")?, vgdb: of("vgdb")?, folder, dumps: 0 })
    }

    fn option(&self, name: &str, file: &str) -> OsString {
        let mut option = OsString::from(format!("--{name}="));
        option.push(self.folder.path().join(file));
        option
    }

    /// What starts the binary.
    pub(crate) fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(&self.valgrind);
        command.arg("--tool=callgrind").arg(self.option("callgrind-out-file", "out"));
        command.arg(self.option("log-file", "log")).arg(self.option("vgdb-prefix", "vgdb")).arg(binary);
        command
    }

    /// What was counted of the process since the last call. It may be waiting for the network meanwhile.
    pub(crate) async fn take(&mut self, pid: u32) -> Result<u64> {
        let mut dump = Command::new(&self.vgdb);
        // The names of its pipes hold the user's, by a variable that the process does not have either.
        dump.env_clear().arg(self.option("vgdb-prefix", "vgdb")).arg(format!("--pid={pid}")).arg("dump");
        let output = timeout(DUMP_MAX, dump.stdin(Stdio::null()).kill_on_drop(true).output()).await;
        let output = output.map_err(|_| "vgdb does not reach the process: may it trace others here (ptrace)?")??;
        if !output.status.success() {
            return Err(format!("vgdb: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        self.dumps += 1;
        let text = std::fs::read_to_string(self.folder.path().join(format!("out.{}", self.dumps)))?;
        let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
        Ok(total.ok_or("callgrind has counted nothing")?.trim().parse()?)
    }
}
