//! The figures of docs/cost.md and docs/scale.md are what the commands print. `SIGNALBOX_UPDATE=1` writes them with the profile.

use std::path::PathBuf;

use signalbox::domain::cost::prices::{DEFAULT_REGION, PriceList};
use signalbox_local::cost::bill::Basis;
use signalbox_local::cost::deployment::Deployment;
use signalbox_local::cost::profile::Profile;
use signalbox_local::cost::report::{Asked, Report};
use signalbox_local::cost::scale;

/// Each document as it stands, and as it would be of a profile.
fn documents(profile: &Profile) -> [(PathBuf, String, String); 2] {
    let (deployment, prices) = (Deployment::of_template().unwrap(), PriceList::built_in().unwrap());
    let basis = Basis { profile, prices: prices.region(DEFAULT_REGION).unwrap(), deployment: &deployment };
    let cost = Report::of(basis, Asked::default()).text(basis);
    let scale = scale::text(basis, &scale::default_loads()).unwrap();
    [("cost", cost), ("scale", scale)].map(|(name, printed)| {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/{name}.md"));
        let stands = std::fs::read_to_string(&file).unwrap();
        let (begin, end) = (format!("<!-- signalbox {name}: written by a test -->\n"), "<!-- end -->");
        let (before, rest) = stands.split_once(&begin).unwrap_or_else(|| panic!("docs/{name}.md has no {begin}"));
        let (_, after) = rest.split_once(end).unwrap_or_else(|| panic!("docs/{name}.md has no {end}"));
        let would_be = format!("{before}{begin}```text\n{printed}\n```\n{end}{after}");
        (file, stands, would_be)
    })
}

/// Writes them anew.
pub(super) fn write(profile: &Profile) {
    for (file, _, would_be) in documents(profile) {
        std::fs::write(file, would_be).unwrap();
    }
}

#[test]
fn the_figures_of_the_documents_are_what_the_commands_print() {
    // Then the other test writes them, of what it counts.
    if std::env::var("SIGNALBOX_UPDATE").is_ok() {
        return;
    }
    for (file, stands, would_be) in documents(&Profile::built_in().unwrap()) {
        let differs = stands.lines().zip(would_be.lines()).find(|(stands, would_be)| stands != would_be);
        assert!(stands == would_be, "{}: SIGNALBOX_UPDATE=1 writes it anew: {differs:?}", file.display());
    }
}
