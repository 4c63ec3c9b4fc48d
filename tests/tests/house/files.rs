//! What every file, source and manifest must be like.

use super::workspace::{expect_none, files, metadata, text};

/// Sources that may be longer, each with the reason why it cannot be cut.
const LONGER_SOURCES: &[(&str, &str)] = &[];
const LINES_MAX: usize = 500;

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    // In two parts, so that this file does not contain what it looks for.
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
    let names_one = |line: &str| {
        folders.iter().any(|name| {
            // After a letter it is a part of a longer path or of a URL.
            line.match_indices(name).any(|(at, _)| {
                !line[..at].ends_with(|before: char| before.is_alphanumeric() || "-_.}".contains(before))
            })
        })
    };
    let mut problems = Vec::new();
    for file in files() {
        let Some(text) = text(file) else { continue };
        let lines = text.lines().enumerate().filter(|(_, line)| names_one(line));
        problems.extend(lines.map(|(index, line)| {
            let start: String = line.trim().chars().take(100).collect();
            format!("{file}:{}: {start}", index + 1)
        }));
    }
    expect_none(&problems, "Write a path relative to the repository, or one that the reader's machine has too.");
}

#[test]
fn a_source_file_is_short_enough_to_read() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.ends_with(".rs")) {
        let lines = text(file).map_or(0, |text| text.lines().count());
        let listed = LONGER_SOURCES.iter().any(|(name, _)| name == file);
        if lines > LINES_MAX && !listed {
            problems.push(format!("{file} has {lines} lines, more than {LINES_MAX}"));
        }
        if lines <= LINES_MAX && listed {
            problems.push(format!("{file} is in LONGER_SOURCES and need not be"));
        }
    }
    expect_none(&problems, "Cut it where a reader would, or name it in LONGER_SOURCES with the reason.");
}

#[test]
fn every_package_takes_the_workspaces_lints() {
    let problems: Vec<String> = metadata()
        .workspace_packages()
        .map(|package| format!("{}/Cargo.toml", package.folder()))
        .filter(|manifest| !text(manifest).is_some_and(|text| text.contains("[lints]\nworkspace = true\n")))
        .collect();
    expect_none(&problems, "Add `[lints]` with `workspace = true`.");
}

/// One event that panics would end a function's instance, and the local host as a whole.
#[test]
fn no_profile_ends_the_process_at_a_panic() {
    let manifest = text("Cargo.toml").expect("the workspace's manifest is text");
    let profiles = manifest.lines().filter(|line| line.starts_with("panic") && !line.contains("\"unwind\""));
    expect_none(&profiles.map(String::from).collect::<Vec<_>>(), "Functions unwind: see the profile in Cargo.toml.");
}
