//! Every committed input of the fuzz targets, once more. So a finding stays fixed, and the targets cannot rot: they are
//! compiled and checked here, on the toolchain of everybody.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a library, where it is fuzzed")]
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 4] = [
    ("bodies", targets::bodies::check),
    ("cursors", targets::cursors::check),
    ("lists", targets::lists::check),
    ("signatures", targets::signatures::check),
];

/// Asked for at run time: two checkouts that share a target folder share the test binary too.
fn fuzz() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("tests run under cargo, which sets CARGO_MANIFEST_DIR");
    PathBuf::from(package).join("fuzz")
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(fuzz().join(folder)).expect("a folder of the fuzz package");
    let stem = |path: PathBuf| path.file_stem().and_then(|stem| stem.to_str()).map(String::from);
    entries.filter_map(|entry| stem(entry.expect("an entry").path())).collect()
}

#[test]
fn every_committed_input_holds() {
    for (target, check) in TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(fuzz().join("corpus").join(target)).expect("a corpus") {
            let path = entry.expect("an input").path();
            // Shown when the check panics.
            println!("{}", path.display());
            check(&std::fs::read(&path).expect("an input that can be read"));
            inputs += 1;
        }
        assert!(inputs > 0, "{target} has no corpus");
    }
}

#[test]
fn every_target_is_complete() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["corpus", "dictionaries", "targets"] {
        assert_eq!(names_in(folder), names, "{folder}");
    }
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).expect("the manifest");
    for name in &names {
        let binary = format!("[[bin]]\nname = \"{name}\"\npath = \"targets/{name}.rs\"\n");
        assert!(manifest.contains(&binary), "{name} is no binary of the fuzz package");
    }
}
