//! What the rules look at: files, packages, the template.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;

/// The repository. Asked for at run time: two checkouts that share a target folder share the test binary too.
pub(super) fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("tests run under cargo, which sets CARGO_MANIFEST_DIR");
    Path::new(&package).parent().expect("the tests' package lies in the repository").to_path_buf()
}

/// Runs a program in the repository and returns what it printed.
pub(super) fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {} failed:\n{problem}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("its output is text")
}

/// The cargo that runs these tests.
pub(super) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".into())
}

/// Every file of the repository, from its root: those in git and those about to be.
pub(super) fn files() -> &'static [String] {
    static FILES: OnceLock<Vec<String>> = OnceLock::new();
    FILES.get_or_init(|| {
        output_of("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .split_terminator('\0')
            .filter(|file| root().join(file).is_file())
            .map(String::from)
            .collect()
    })
}

/// The file's text, or `None` when it is no text.
pub(super) fn text(file: &str) -> Option<String> {
    let bytes = std::fs::read(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    String::from_utf8(bytes).ok()
}

/// What cargo knows of the workspace and of everything it depends on, for every platform. Read here in a few lines,
/// as the crate cargo_metadata would switch on a feature of serde_json for all that is tested.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: String,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    /// `None` for a package that lies on this disk.
    pub source: Option<String>,
    pub license: Option<String>,
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
    manifest_path: String,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub name: String,
    pub rename: Option<String>,
    /// `None` for a normal one.
    pub kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Target {
    pub name: String,
    pub kind: Vec<String>,
}

impl Metadata {
    pub(super) fn workspace_packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

impl Package {
    /// Its folder, from the repository's root.
    pub(super) fn folder(&self) -> &str {
        let below = self.manifest_path.strip_prefix(&metadata().workspace_root).expect("members lie in the workspace");
        below.trim_start_matches('/').trim_end_matches("/Cargo.toml")
    }
}

pub(super) fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let json = output_of(&cargo(), &["metadata", "--format-version", "1", "--locked", "--quiet"]);
        serde_json::from_str(&json).expect("cargo metadata prints its documented JSON")
    })
}

/// `template.yaml`, as written: what is `!Sub text` or `!Ref Name` is a tagged value.
pub(super) fn template() -> serde_norway::Value {
    serde_norway::from_str(&text("template.yaml").expect("text")).expect("template.yaml is YAML")
}

/// Fails with every problem found, and with what to do about them.
#[track_caller]
pub(super) fn expect_none(problems: &[String], advice: &str) {
    assert!(problems.is_empty(), "\n  {}\n\n{advice}\n", problems.join("\n  "));
}
