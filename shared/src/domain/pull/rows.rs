//! Rows of a page: what names each, what it is compared by, and when the vendor changed it.

use crate::domain::canonical::{Hash, Node, VolatilePath, item_hash};
use crate::domain::catalogue::form::{FieldPath, at};
use crate::domain::catalogue::rows::{ID_BYTES_MAX, ROW_BYTES_MAX};
use crate::domain::connections::pull_api::{Paging, PullApi, PullEntity};
use crate::domain::datasets::manifest::{Entry, Fingerprint};
use crate::domain::deliveries::version::Version;

/// A page as it was read; its rows borrow from the answer.
#[derive(Debug)]
pub struct Page<'a> {
    /// Its rows, in order.
    pub rows: Vec<Node<'a>>,
    /// How many rows the vendor says that there are in all.
    pub total: Option<u64>,
    /// The token of the next page, where pages have tokens.
    pub next: Option<String>,
}

/// Why an answer is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPage {
    /// It is no JSON.
    #[error("the answer is no JSON, but begins with {0:?}")]
    NoJson(String),
    /// It is JSON, and has no list where rows should be.
    #[error("the answer has no list in its field {0:?}")]
    NoList(&'static str),
}

/// How much of an answer that is no JSON is told, in characters.
const BEGINNING: usize = 60;

/// Reads a page.
///
/// # Errors
/// When it is none.
pub fn read_page<'a>(api: &PullApi, body: &'a [u8]) -> Result<Page<'a>, NoPage> {
    let no_json = |_| NoPage::NoJson(String::from_utf8_lossy(body).trim().chars().take(BEGINNING).collect());
    let Node::Object(fields) = Node::read(body).map_err(no_json)? else { return Err(NoPage::NoList(api.rows)) };
    let (mut rows, mut total, mut next) = (None, None, None);
    for (name, value) in fields {
        match value {
            Node::Array(items) if name == api.rows => rows = Some(items),
            Node::Unsigned(number) if api.total.is_some_and(|total| name == total) => total = Some(number),
            Node::Text(token) if matches!(api.paging, Paging::Tokens { next, .. } if name == next) => {
                next = Some(token.into_owned()).filter(|token| !token.is_empty());
            }
            _ => {}
        }
    }
    Ok(Page { rows: rows.ok_or(NoPage::NoList(api.rows))?, total, next })
}

/// How the rows of an entity are read.
#[derive(Debug, Clone)]
pub struct RowForm {
    id: FieldPath,
    updated: Option<FieldPath>,
    volatile: Vec<VolatilePath>,
}

/// Why a row cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowRefused {
    /// It is no object.
    #[error("it is no object")]
    NoObject,
    /// Nothing names it.
    #[error("it has no id")]
    NoId,
    /// Its id is too long to be kept.
    #[error("its id has more than {ID_BYTES_MAX} bytes")]
    LongId,
    /// It is too long to be kept.
    #[error("it has more than {ROW_BYTES_MAX} bytes")]
    TooLong,
    /// The vendor's time of its change is none.
    #[error("the time of its change is none")]
    NoTime,
}

impl RowRefused {
    /// A stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoObject => "no_object",
            Self::NoId => "no_id",
            Self::LongId => "id_too_long",
            Self::TooLong => "row_too_long",
            Self::NoTime => "no_time",
        }
    }
}

/// The code of a row that its provider could make nothing of.
pub const NOT_MAPPED: &str = "not_mapped";

/// A row as it is compared.
#[derive(Debug)]
pub struct Mapped<'a> {
    /// The vendor's id.
    pub id: String,
    /// What the manifest knows of it.
    pub entry: Entry,
    /// The hash over all but what changes without meaning.
    pub hash: Hash,
    /// When the vendor changed it, where it says so.
    pub version: Option<Version>,
    /// What it holds.
    pub item: Node<'a>,
}

impl RowForm {
    /// That of an entity, with more paths that change without meaning.
    ///
    /// `None` where a path is none.
    #[must_use]
    pub fn of(entity: &PullEntity, volatile: &[VolatilePath]) -> Option<Self> {
        let own = entity.volatile.iter().map(|path| VolatilePath::parse(path));
        Some(Self {
            id: FieldPath::parse(entity.id)?,
            updated: match entity.updated {
                Some(path) => Some(FieldPath::parse(path)?),
                None => None,
            },
            volatile: own.chain(volatile.iter().cloned().map(Some)).collect::<Option<_>>()?,
        })
    }

    /// Maps a row; one that cannot be taken comes back with the reason and its id, if it has one. `scratch` is overwritten.
    ///
    /// # Errors
    /// As said.
    pub fn map<'a>(&self, mut item: Node<'a>, scratch: &mut Vec<u8>) -> Result<Mapped<'a>, Unmapped<'a>> {
        let id = match at(&item, &self.id) {
            Some(Node::Text(id)) if !id.is_empty() => id.to_string(),
            Some(Node::Unsigned(number)) => number.to_string(),
            Some(Node::Signed(number)) => number.to_string(),
            _ => {
                let why = if matches!(item, Node::Object(_)) { RowRefused::NoId } else { RowRefused::NoObject };
                return Err(unmapped("", why, item));
            }
        };
        if id.len() > ID_BYTES_MAX {
            return Err(unmapped("", RowRefused::LongId, item));
        }
        let version = match self.updated.as_ref().and_then(|path| at(&item, path)) {
            Some(Node::Text(text)) => match Version::parse(text) {
                Some(version) => Some(version),
                None => return Err(unmapped(&id, RowRefused::NoTime, item)),
            },
            _ => None,
        };
        let hash = item_hash(&mut item, &self.volatile, scratch);
        if scratch.len() > ROW_BYTES_MAX {
            return Err(unmapped(&id, RowRefused::TooLong, item));
        }
        let entry = Entry::new(Fingerprint::of(id.as_bytes()), &hash);
        Ok(Mapped { id, entry, hash, version, item })
    }
}

/// A row that cannot be taken.
#[derive(Debug)]
pub struct Unmapped<'a> {
    /// Its id; empty where it has none that can be kept.
    pub id: String,
    /// Why.
    pub why: String,
    /// The same as a stable code.
    pub code: &'static str,
    /// What it holds.
    pub item: Node<'a>,
}

fn unmapped<'a>(id: &str, why: RowRefused, item: Node<'a>) -> Unmapped<'a> {
    Unmapped { id: id.to_owned(), why: why.to_string(), code: why.code(), item }
}

/// The text that is stored of an item.
#[must_use]
pub fn text_of(item: &mut Node<'_>) -> String {
    let mut text = Vec::new();
    item.write_canonical(&[], &mut text);
    String::from_utf8(text).unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::connections::pull_api::Kept;
    use crate::domain::ids::Entity;

    const API: PullApi = PullApi {
        base_url: "https://api.example",
        credentials: |_| Ok(Vec::new()),
        paging: Paging::Tokens { token: "page_token", size: "limit", next: "next_token" },
        rows: "data",
        total: Some("total"),
        page_rows: (2, 9),
        rates: (1, 1),
        documentation: None,
        entities: &[ROWS],
    };
    const ROWS: PullEntity = PullEntity {
        entity: Entity::PRODUCTS,
        path: "/rows",
        id: "meta.id",
        updated: Some("at"),
        since: None,
        volatile: &["seen"],
        kept: Kept::AsItCame,
    };

    #[test]
    fn a_page_is_a_list_in_its_field() {
        let page = read_page(&API, br#"{"data": [{"a": 1}, 2], "total": 7, "next_token": "t", "more": 1}"#).unwrap();
        assert_eq!((page.rows.len(), page.total, page.next.as_deref()), (2, Some(7), Some("t")));
        let last = read_page(&API, br#"{"data": [], "next_token": null}"#).unwrap();
        assert_eq!((last.rows.len(), last.total, last.next), (0, None, None));
        assert_eq!(read_page(&API, b"[]").unwrap_err(), NoPage::NoList("data"));
        assert_eq!(read_page(&API, br#"{"data": {}}"#).unwrap_err(), NoPage::NoList("data"));
        assert_eq!(read_page(&API, b" <html>").unwrap_err(), NoPage::NoJson("<html>".into()));
    }

    #[test]
    fn a_row_has_an_id_a_hash_and_a_time() {
        let form = RowForm::of(&ROWS, &[VolatilePath::parse("etag").unwrap()]).unwrap();
        let mut scratch = Vec::new();
        let mut map = |text: &'static str| form.map(Node::read(text.as_bytes()).unwrap(), &mut scratch);
        let row = map(r#"{"seen": 1, "etag": 2, "meta": {"id": 7}, "at": "2026-01-15T12:00:00Z"}"#).unwrap();
        let same = map(r#"{"at": "2026-01-15T12:00:00Z", "meta": {"id": 7}, "seen": 9}"#).unwrap();
        assert_eq!(
            (row.id.as_str(), row.entry, row.version),
            ("7", same.entry, Version::parse("2026-01-15T12:00:00Z"))
        );
        for (text, id, why) in [
            ("[]", "", RowRefused::NoObject),
            ("{}", "", RowRefused::NoId),
            (r#"{"meta": {"id": ""}}"#, "", RowRefused::NoId),
            (r#"{"meta": {"id": 1.5}}"#, "", RowRefused::NoId),
            (r#"{"meta": {"id": "a"}, "at": "soon"}"#, "a", RowRefused::NoTime),
        ] {
            let refused = map(text).unwrap_err();
            assert_eq!((refused.id.as_str(), refused.why), (id, why.to_string()), "{text}");
        }
        let long = format!(r#"{{"meta": {{"id": "{}"}}}}"#, "x".repeat(ID_BYTES_MAX + 1));
        assert_eq!(
            form.map(Node::read(long.as_bytes()).unwrap(), &mut scratch).unwrap_err().why,
            RowRefused::LongId.to_string()
        );
        assert_eq!(text_of(&mut Node::read(br#"{"b": 1.0, "a": null}"#).unwrap()), r#"{"a":null,"b":1}"#);
    }
}
