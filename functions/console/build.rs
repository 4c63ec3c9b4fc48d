//! Names every asset by its hash and packs it, so that a browser keeps it for ever and the binary holds all that a page needs.
//!
//! A text between double quotes that begins with `./` or `../` names another asset, by its file's name alone: that is how
//! modules import each other, how an editor and `tsc` find them, and what is put in place of it is the hashed name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// What is an asset, and as what it is served. Packing a font again makes it larger.
const KINDS: [(&str, &str, bool); 4] = [
    ("js", "text/javascript; charset=utf-8", true),
    ("css", "text/css; charset=utf-8", true),
    ("svg", "image/svg+xml", true),
    ("woff2", "font/woff2", false),
];

type Problem = Box<dyn std::error::Error>;

struct Asset {
    name: String,
    kind: &'static str,
    plain: PathBuf,
    packed: Option<PathBuf>,
    /// Files that it names itself.
    uses: Vec<String>,
}

struct Builder {
    sources: BTreeMap<String, PathBuf>,
    made: BTreeMap<String, Asset>,
    /// From the one that is asked for to the one that is being made.
    making: Vec<String>,
    out: PathBuf,
}

fn main() -> Result<(), Problem> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("assets");
    println!("cargo::rerun-if-changed={}", root.display());
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut builder = Builder { sources: BTreeMap::new(), made: BTreeMap::new(), making: Vec::new(), out };
    builder.find(&root)?;
    for file in builder.sources.keys().cloned().collect::<Vec<_>>() {
        builder.make(&file)?;
    }
    builder.write()
}

impl Builder {
    fn find(&mut self, folder: &Path) -> Result<(), Problem> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.find(&path)?;
                continue;
            }
            let Some(file) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if kind(file).is_none() {
                continue;
            }
            let file = file.to_owned();
            if self.sources.insert(file.clone(), path).is_some() {
                return Err(format!("two assets are called {file}").into());
            }
        }
        Ok(())
    }

    /// An asset's name is the hash of what is served, and that has the names of what it uses: those come first.
    fn make(&mut self, file: &str) -> Result<String, Problem> {
        if let Some(made) = self.made.get(file) {
            return Ok(made.name.clone());
        }
        if self.making.iter().any(|above| above == file) {
            return Err(format!("assets use each other in a circle: {} → {file}", self.making.join(" → ")).into());
        }
        let path =
            self.sources.get(file).ok_or_else(|| format!("{:?} uses {file}, which is not there", self.making))?;
        let (kind, pack) = kind(file).ok_or("not an asset")?;
        let mut bytes = fs::read(path)?;
        let mut uses = Vec::new();
        self.making.push(file.to_owned());
        if pack {
            let text = without_comments(&String::from_utf8(bytes)?);
            bytes = self.with_names(&text, &mut uses)?.into_bytes();
        }
        self.making.pop();
        let hash = hex::encode(Sha256::digest(&bytes));
        let (stem, extension) = file.rsplit_once('.').ok_or("a file without an extension")?;
        let name = format!("{stem}.{}.{extension}", &hash[..10]);
        let plain = self.out.join(&name);
        fs::write(&plain, &bytes)?;
        let packed = pack.then(|| self.out.join(format!("{name}.gz")));
        if let Some(packed) = &packed {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&bytes)?;
            fs::write(packed, encoder.finish()?)?;
        }
        self.made.insert(file.to_owned(), Asset { name: name.clone(), kind, plain, packed, uses });
        Ok(name)
    }

    fn with_names(&mut self, text: &str, uses: &mut Vec<String>) -> Result<String, Problem> {
        let mut parts = text.split('"');
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            named.push('"');
            let relative = part.starts_with("./") || part.starts_with("../");
            match part.rsplit_once('/').filter(|_| relative && !part.contains(char::is_whitespace)) {
                Some((_, file)) => {
                    // What is imported when it is needed is not loaded at first.
                    let later = named.ends_with("import(\"");
                    write!(named, "./{}", self.make(file)?)?;
                    if !later {
                        uses.push(file.to_owned());
                    }
                }
                None => named.push_str(part),
            }
        }
        Ok(named)
    }

    fn write(&self) -> Result<(), Problem> {
        let mut source = String::from("pub(crate) static ASSETS: &[Asset] = &[\n");
        for (file, asset) in &self.made {
            let packed = match &asset.packed {
                Some(path) => format!("Some(include_bytes!({path:?}))"),
                None => "None".to_owned(),
            };
            writeln!(
                source,
                "Asset {{ file: {file:?}, name: {:?}, kind: {:?}, plain: include_bytes!({:?}), packed: {packed}, uses: &{:?} }},",
                asset.name, asset.kind, asset.plain, asset.uses
            )?;
        }
        source.push_str("];\n");
        Ok(fs::write(self.out.join("assets.rs"), source)?)
    }
}

/// Leaves out lines that are comments, which in modules with their types are half of what is written.
fn without_comments(text: &str) -> String {
    let mut within = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let trimmed = line.trim();
        let begins = trimmed.starts_with("/*");
        // Behind a comment that ends in its own line there may be code.
        let is_comment =
            within || trimmed.starts_with("//") || begins && (trimmed.ends_with("*/") || !trimmed.contains("*/"));
        within = (within || begins) && !trimmed.contains("*/");
        if !is_comment {
            kept.push_str(&without_types(line));
            kept.push('\n');
        }
    }
    // Within a text that goes on over lines, how a line begins is part of it.
    let is_text = kept.lines().any(|line| line.matches('`').count() % 2 == 1);
    if is_text {
        return kept;
    }
    kept.lines().map(str::trim_start).filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

/// Leaves out the types that stand before what they are of: `/** @type {string} */ name`.
fn without_types(line: &str) -> String {
    let mut rest = line;
    let mut kept = String::with_capacity(line.len());
    while let Some((before, (_, after))) =
        rest.split_once("/** @").and_then(|(before, from)| Some((before, from.split_once("*/")?)))
    {
        kept.push_str(before);
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    kept.push_str(rest);
    kept
}

fn kind(file: &str) -> Option<(&'static str, bool)> {
    let (_, extension) = file.rsplit_once('.')?;
    KINDS.iter().find(|(known, ..)| *known == extension).map(|(_, kind, pack)| (*kind, *pack))
}
