//! Cursors, ids and query strings: what was given out is read back as it was, and what was not is refused or has a
//! bounded meaning.
//!
//! An input is a query string.

use std::str::FromStr;

use http::{HeaderMap, Uri};
use jiff::Timestamp;
use signalbox::domain::dead_letter::DeadLetterId;
use signalbox::domain::deliveries::placement::ListPlace;
use signalbox::domain::deliveries::rejected::{RejectedId, RejectedPlace};
use signalbox::domain::ids::{ConnectionName, RunId, TenantId};
use signalbox::domain::runs::window::cover;
use signalbox::domain::time;
use signalbox::http::query::{Query, VendorParameter, vendor};
use signalbox::http::wire::vendor_sync::runs::statuses;

/// DynamoDB refuses a longer sort key, and the route would answer 500 where 400 is right.
const SORT_KEY_BYTES_MAX: usize = 1024;

/// Checks a query string.
///
/// # Panics
/// When something is read back as something else.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // As it stands, and as it comes out of a query string.
    values(text);
    let Ok(uri) = format!("/x?{text}").parse::<Uri>() else { return };
    let query = Query::of(&uri);
    query.all(&["cursor", "id", "start", "end", "source"]).for_each(values);
    parameters(&query);
}

fn values(text: &str) {
    place::<DeadLetterId>(text);
    place::<RejectedId>(text);
    place::<RejectedPlace>(text);
    place::<ListPlace>(text);
    if let Some(id) = RunId::parse(text) {
        assert_eq!(RunId::parse(id.as_str()), Some(id.clone()));
        // What a run's id may not be: another key of its partition, or out of the range of its own start.
        assert!(id.as_str().len() == 36 && id.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()));
        if let Some(at) = id.started_at() {
            assert!(RunId::lowest(at).as_str() < id.as_str() && id.as_str() < RunId::highest(at).as_str());
        }
    }
    for name in
        [TenantId::parse(text).map(|id| id.to_string()), ConnectionName::parse(text).map(|name| name.to_string())]
    {
        let Ok(name) = name else { continue };
        assert_eq!(ConnectionName::parse(&name).map(|name| name.to_string()).as_ref(), Ok(&name));
        assert!(!name.contains(['/', '#']), "{name} splits a key");
    }
    if let Some(at) = time::parse(text) {
        assert_eq!(time::parse(&time::text(at)), Some(at), "{text}");
    }
}

/// Whatever is read, its text is the one that was sent: two texts of one place would be two pages of one list.
fn place<T: FromStr + ToString>(text: &str) {
    let Ok(place) = text.parse::<T>() else { return };
    assert_eq!(place.to_string(), text);
    assert!(text.len() <= SORT_KEY_BYTES_MAX && !text.contains(char::is_control), "{text:?} is no key");
}

fn parameters(query: &Query) {
    if let Ok(limit) = query.limit(&["limit", "pageSize"], 20, 200) {
        assert!((1..=200).contains(&limit));
    }
    let _any = query.switch("dryRun");
    let statuses = statuses(query.list(&["status"])).unwrap_or_default();
    assert!(statuses.windows(2).all(|pair| pair[0] < pair[1]));
    match vendor(query, &["vendor", "v"], &HeaderMap::new(), &["x-vendor"]) {
        VendorParameter::Named(name) => assert_eq!(name, name.trim()),
        VendorParameter::Absent => assert_eq!(query.first(&["vendor", "v"]), None),
        VendorParameter::Blank => assert!(query.all(&["vendor", "v"]).all(str::is_empty)),
    }
    let bound = |names: [&str; 2]| query.first(&names);
    let end = bound(["end", "to"]).and_then(time::parse_end_query);
    window(bound(["start", "from"]).and_then(time::parse_query), end);
}

/// A window is covered by little, however far apart its ends are.
fn window(start: Option<Timestamp>, end: Option<Timestamp>) {
    let cover = cover(start, end);
    assert!(cover.slots.len() <= 4 && cover.edges.len() <= 2, "{cover:?}");
    assert!(cover.months.is_none_or(|(first, last)| first <= last));
    assert!(cover.slots.iter().all(|slots| slots.slots.start < slots.slots.end));
}
