//! Signatures of every scheme, ours and described ones: what is let in was signed with a live secret, and what was signed
//! is refused once one thing about it is different.
//!
//! An input is a captured request: lines of `name: value` up to a blank one, then the body. Names that start with `:` say
//! what is no header: `:scheme` (a name, or a description as JSON), `:secret`, `:previous`, `:url`, `:clock` (seconds of
//! the Unix epoch), `:id` (what our own signing takes), and `:change` (a number that picks what is made different).

use jiff::Timestamp;
use signalbox::domain::deliveries::signature::{LiveSecret, Refused, Scheme, Verified, explain, sign, verify};
use signalbox::domain::secret::Secret;

use super::reference::Reference;

type Headers = Vec<(String, Vec<u8>)>;

/// What an input says.
struct Capture<'a> {
    scheme: Scheme,
    /// As the input has it.
    scheme_json: String,
    secrets: Vec<LiveSecret>,
    url: Option<&'a str>,
    now: Timestamp,
    id: String,
    change: usize,
    headers: Headers,
    body: &'a [u8],
}

/// Checks a captured request.
///
/// # Panics
/// When something is let in that must not be, or the other way round.
pub fn check(data: &[u8]) {
    let Some(capture) = read(data) else { return };
    as_captured(&capture);
    as_signed(&capture);
}

fn read(data: &[u8]) -> Option<Capture<'_>> {
    let (mut special, mut headers) = (Vec::new(), Headers::new());
    let mut rest = data;
    let body = loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if line.is_empty() {
            break rest;
        }
        let (sign, name_start) = if line[0] == b':' { (true, 1) } else { (false, 0) };
        let colon = name_start + line[name_start..].iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&line[name_start..colon]).ok()?;
        let value = &line[colon + 1..];
        if sign {
            special.push((name, std::str::from_utf8(value).ok()?.strip_prefix(' ').unwrap_or_default()));
        } else {
            headers.push((name.to_owned(), value.to_vec()));
        }
    };
    let said = |name: &str| special.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
    let scheme = said("scheme")?;
    let scheme_json = if scheme.starts_with('{') { scheme.to_owned() } else { format!("\"{scheme}\"") };
    let mut secrets = vec![LiveSecret::current(Secret::new(said("secret")?))];
    secrets.extend(said("previous").map(|secret| LiveSecret::previous(Secret::new(secret))));
    let plain = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    Some(Capture {
        scheme: Scheme::from_json(&scheme_json).ok()?,
        scheme_json,
        secrets,
        url: said("url"),
        now: Timestamp::from_second(said("clock")?.parse().ok().filter(|second| *second >= 0)?).ok()?,
        id: said("id").filter(plain).unwrap_or("msg_1").to_owned(),
        change: said("change").and_then(|number| number.parse().ok()).unwrap_or(0),
        headers,
        body,
    })
}

impl Capture<'_> {
    fn verify(&self, headers: &Headers, body: &[u8]) -> Result<Verified, Refused> {
        verify(&self.scheme, &self.secrets, headers.as_slice(), self.url, body, self.now)
    }
}

/// The request as it is.
fn as_captured(capture: &Capture<'_>) {
    let Capture { scheme, secrets, url, now, headers, body, .. } = capture;
    let found = capture.verify(headers, body);
    let reference = Reference::of(&capture.scheme_json);
    if let Ok(verified) = &found {
        let secret = secrets[verified.secret_index].secret.expose();
        assert_eq!(verified.secret_label, secrets[verified.secret_index].label);
        assert!(reference.has_signed(secret, headers, *url, body), "let in, and nobody has signed it");
        assert_eq!(verified.timestamp.is_some(), reference.has_timestamp());
        if let (Some(tolerance), Some(at)) = (scheme.tolerance_seconds(), verified.timestamp) {
            assert!(at.as_second().abs_diff(now.as_second()) <= u64::from(tolerance), "{at} is too far from {now}");
        }
    }
    let explanation = explain(scheme, secrets, headers.as_slice(), *url, body, *now);
    assert_eq!(explanation.outcome, found);
    // What verifies, or lacks our own secret, needs no explanation; a wrong signature has one, or the remark that there is none.
    let needs_none = matches!(found, Ok(_) | Err(Refused::NoSecret));
    let needs_one =
        matches!(found, Err(Refused::Mismatch | Refused::TimestampTooOld { .. } | Refused::TimestampTooNew { .. }));
    assert!(!needs_none || explanation.findings.is_empty(), "{explanation:?}");
    assert!(!needs_one || !explanation.findings.is_empty(), "{explanation:?}");
    // I9: whoever reads the log must not be able to sign.
    let said = format!("{:?} {:?}", found.as_ref().err(), explanation.findings);
    for live in secrets {
        for written in reference.signatures(live.secret.expose(), headers, *url, body) {
            assert!(!said.contains(&written), "tells the signature: {said}");
        }
    }
}

/// The same, signed by us; and then with one thing about it different.
fn as_signed(capture: &Capture<'_>) {
    let Capture { scheme, secrets, url, now, id, change, body, .. } = capture;
    let Ok(signed) = sign(scheme, &secrets[0].secret, Some(id), *now, *url, body) else { return };
    let signed: Headers = signed.into_iter().map(|(name, value)| (name.into_owned(), value.into_bytes())).collect();
    let reference = Reference::of(&capture.scheme_json);
    let found = match capture.verify(&signed, body) {
        Ok(verified) => verified,
        // Nothing fits a blank secret, or goes with a blank URL.
        Err(Refused::NoSecret | Refused::NoUrl) => return,
        Err(Refused::Mismatch) if secrets[0].secret.expose().trim_ascii().is_empty() => return,
        // The one thing that can be wrong is an id in the body.
        Err(Refused::UnusableId { place, .. }) if reference.id_field() == Some(&*place) => return,
        Err(refused) => panic!("refused what was signed: {refused}"),
    };
    let refused = |headers: &Headers, body: &[u8], what: &str| {
        assert!(capture.verify(headers, body).is_err(), "let in with another {what}");
    };

    let mut longer = body.to_vec();
    longer.push(b'\n');
    refused(&signed, &longer, "body");
    if !body.is_empty() {
        refused(&signed, &flipped(body, *change), "body");
    }
    for name in reference.protected() {
        let Some(place) = signed.iter().position(|(found, _)| found == name) else { continue };
        let mut headers = signed.clone();
        let value = flipped(&headers[place].1, *change);
        if !reference.is_same(&headers[place].1, &value) {
            headers[place].1 = value;
            refused(&headers, body, name);
        }
    }
    let other = [LiveSecret::current(Secret::new(format!("x{}", String::from_utf8_lossy(secrets[0].secret.expose()))))];
    assert!(verify(scheme, &other, signed.as_slice(), *url, body, *now).is_err(), "let in with another secret");
    if let (true, Some(url)) = (scheme.needs_url(), url) {
        let url = format!("{url}/");
        assert!(verify(scheme, secrets, signed.as_slice(), Some(&url), body, *now).is_err(), "let in at another URL");
    }
    if let Some(tolerance) = scheme.tolerance_seconds() {
        for (second, code) in [(1, "timestamp_too_old"), (-1, "timestamp_too_new")] {
            let second = now.as_second() + second * (i64::from(tolerance) + 1);
            let Ok(later) = Timestamp::from_second(second) else { continue };
            let found = verify(scheme, secrets, signed.as_slice(), *url, body, later);
            assert_eq!(found.map_err(|refused| refused.code()).err(), Some(code));
            let explanation = explain(scheme, secrets, signed.as_slice(), *url, body, later);
            assert_eq!(
                explanation.findings.iter().map(|finding| finding.code()).collect::<Vec<_>>(),
                ["only_the_timestamp"]
            );
        }
    }
    if found.delivery_id.is_some_and(|id| id.signed) {
        read_apart(capture, &signed, &reference);
    }
}

/// A signed id must be the only one that the delivery can be read under: whoever captured it could send it again
/// otherwise, with the boundary between the id and what stands beside it in another place.
fn read_apart(capture: &Capture<'_>, signed: &Headers, reference: &Reference) {
    let Some(place) = signed.iter().position(|(name, _)| Some(name.as_str()) == reference.id_header()) else { return };
    let id = signed[place].1.clone();
    let moved = |id: &[u8], body: &[u8]| {
        let mut headers = signed.clone();
        headers[place].1 = id.to_vec();
        let found = capture.verify(&headers, body);
        let as_signed = found.is_ok_and(|found| found.delivery_id.is_some_and(|id| id.signed));
        assert!(!as_signed, "passes under the id {:?}, too", String::from_utf8_lossy(id));
    };
    let stamp = signed.iter().position(|(name, _)| Some(name.as_str()) == reference.timestamp_header());
    if let Some(stamp) = stamp {
        let line = [&signed[stamp].1[..], &id].concat();
        for at in 1..line.len() {
            let mut headers = signed.clone();
            (headers[stamp].1, headers[place].1) = (line[..at].to_vec(), line[at..].to_vec());
            let found = capture.verify(&headers, capture.body);
            let ids = found.ok().and_then(|found| found.delivery_id).filter(|id| id.signed);
            assert!(ids.is_none_or(|found| found.text.as_bytes() == id), "passes under another id");
        }
    }
    if let Some(separator) = reference.separator().filter(|separator| !separator.is_empty()) {
        let text = [&id[..], separator.as_bytes(), capture.body].concat();
        let length = separator.len();
        for at in (1..text.len().saturating_sub(length)).filter(|at| *at != id.len()).take(64) {
            if text[at..].starts_with(separator.as_bytes()) {
                moved(&text[..at], &text[at + length..]);
            }
        }
    }
    let at = capture.change % id.len();
    if at > 0 {
        moved(&id[at..], &[capture.body, &id[..at]].concat());
        moved(&id[..at], &[&id[at..], capture.body].concat());
    }
    for at in 1..=capture.body.len().min(32) {
        moved(&[&id, &capture.body[..at]].concat(), &capture.body[at..]);
        let start = capture.body.len() - at;
        moved(&[&capture.body[start..], &id].concat(), &capture.body[..start]);
    }
}

fn flipped(bytes: &[u8], change: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = change / 8 % bytes.len();
    bytes[at] ^= 1 << (change % 8);
    bytes
}
