//! Catalogues to sync: the real one where it is at hand, and changes to it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// A catalogue: its products in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue(pub Vec<Value>);

impl Catalogue {
    /// The real catalogue beside the workspace, else the one the project ships; standard output says which.
    #[must_use]
    pub fn real() -> Self {
        static REAL: OnceLock<Catalogue> = OnceLock::new();
        REAL.get_or_init(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned();
            let places: [PathBuf; 2] =
                [root.join("../shared/data/moscot.catalog.json"), root.join("infra/local/demo/moscot.catalog.json")];
            let found = places.iter().find_map(|path| Some((path, std::fs::read(path).ok()?)));
            let (path, bytes) = found.expect("the shipped catalogue");
            let products: Vec<Value> = serde_json::from_slice(&bytes).expect("a JSON array");
            println!("catalogue: {} products of {}", products.len(), path.file_name().expect("a file").display());
            Self(products)
        })
        .clone()
    }

    /// The first `count` products of the real catalogue, each cut down to what tells it apart: quick to sync, and still
    /// of several batches.
    #[must_use]
    pub fn small(count: usize) -> Self {
        let slim = |(index, product): (usize, Value)| {
            json!({"catalogId": format!("{}-{index}", product["catalogId"].as_str().unwrap_or_default()),
                "name": product["name"], "price": index, "source": product["source"]})
        };
        Self(Self::real().0.into_iter().cycle().take(count).enumerate().map(slim).collect())
    }

    /// The same with one product changed, one added and one removed.
    #[must_use]
    pub fn with_three_changes(mut self) -> Self {
        self.0[1]["name"] = json!("Another name");
        let last = self.0.len() - 1;
        self.0.remove(last);
        let mut added = self.0[0].clone();
        added["catalogId"] = json!("added");
        self.0.insert(2, added);
        self
    }

    /// As a JSON array.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(&self.0).expect("JSON")
    }

    /// One product a line.
    #[must_use]
    pub fn ndjson(&self) -> String {
        self.0.iter().map(|product| format!("{product}\n")).collect()
    }
}
