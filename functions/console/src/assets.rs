//! Styles, modules, the font and the icon: in the binary, packed, and named by their hash (`build.rs`).

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use signalbox::http::problem::{NOT_FOUND, Problem};

use crate::packed::takes_gzip;

/// A name changes with what it names, so nobody ever has to ask whether it has.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// One asset.
pub(crate) struct Asset {
    /// The file's name in `assets/`.
    file: &'static str,
    /// The same with its hash.
    name: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    packed: Option<&'static [u8]>,
    /// Files that it names itself.
    uses: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

fn of(file: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.file == file)
}

/// Where a file is served; a file that is not there leads to the answer that says so.
pub(crate) fn path(file: &str) -> String {
    format!("/assets/{}", of(file).map_or(file, |asset| asset.name))
}

/// All that a module imports, itself first: a page names them, so that they come in one round.
pub(crate) fn with_imports(module: &'static str) -> Vec<&'static str> {
    let mut files = vec![module];
    let mut next = 0;
    while let Some(file) = files.get(next).copied() {
        next += 1;
        for used in of(file).map_or(&[][..], |asset| asset.uses) {
            if !files.contains(used) {
                files.push(used);
            }
        }
    }
    files
}

/// Answers with an asset.
pub(crate) fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        let why = "there is no such asset: the page that names it is of another version, load it again";
        return Problem::new(NOT_FOUND, why).into_response();
    };
    let common =
        [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, FOR_EVER), (header::VARY, "accept-encoding")];
    match asset.packed.filter(|_| takes_gzip(headers)) {
        Some(packed) => (StatusCode::OK, common, [(header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (StatusCode::OK, common, asset.plain).into_response(),
    }
}

/// How many bytes an asset has on its way.
#[cfg(test)]
pub(crate) fn bytes(file: &str) -> usize {
    of(file).map(|asset| asset.packed.unwrap_or(asset.plain).len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_asset_names_is_there_under_its_hashed_name() {
        for asset in ASSETS {
            let text = String::from_utf8_lossy(asset.plain);
            for used in asset.uses {
                assert!(text.contains(of(used).unwrap().name), "{} does not name {used}", asset.file);
            }
        }
    }
}
