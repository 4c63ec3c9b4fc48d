//! Error texts that are kept and shown must not carry secrets (I9).

/// The longest error text that is stored, in characters.
pub const LENGTH_MAX: usize = 500;

/// A source as it may be kept and shown: user, query and fragment are masked, and so is all of a URL that is none. What
/// is masked here is refused by whoever would read it, so nothing is read under another name than the one shown; but for the
/// query of a source that an operator configured, see `Vendor::shown_source`.
#[must_use]
pub fn source(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), _)) if url::Url::parse(text).is_err() => return format!("{scheme}://?***"),
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    // A file's name may have a #.
    let ends: &[char] = if scheme.is_empty() { &['?'] } else { &['?', '#'] };
    let end = rest.find(ends);
    let (path, masked) = end.map_or((rest, String::new()), |end| (&rest[..end], format!("{}***", &rest[end..=end])));
    let authority_end = path.find('/').unwrap_or(path.len());
    // A scheme may be misspelt (`https:/user:password@host`): what looks like a credential is masked wherever it stands.
    let credential = || path.rfind('@').filter(|at| path[..*at].contains(':'));
    let user = if scheme.is_empty() { credential() } else { path[..authority_end].rfind('@') };
    match user {
        Some(at) => format!("{scheme}***{}{masked}", &path[at..]),
        None => format!("{scheme}{path}{masked}"),
    }
}

/// Shortens an error text and masks what looks like a credential: user info and query strings of URLs, values after
/// `token`, `secret`, `key`, `password`, `authorization` and `signature`, and JSON Web Tokens.
#[must_use]
pub fn error_text(text: &str) -> String {
    const NAMES: [&str; 6] = ["token", "secret", "key", "password", "authorization", "signature"];
    let mut words = Vec::new();
    let mut mask_next = false;
    for word in text.split_whitespace() {
        let lower = word.to_lowercase();
        let plain = lower.trim_matches(|character: char| !character.is_alphanumeric());
        let scheme = matches!(plain, "bearer" | "basic");
        if mask_next && !scheme {
            words.push("***".to_owned());
            mask_next = false;
            continue;
        }
        if word.matches('.').count() == 2 && word.contains("eyJ") {
            words.push("***".to_owned());
        } else if let Some((start, _)) = word.split_once("://") {
            words.push(url(start, word));
        } else if let Some(at) = word.find(['=', ':']).filter(|at| NAMES.iter().any(|name| lower[..*at].contains(name)))
        {
            words.push(format!("{}***", &word[..=at]));
            mask_next = word.len() == at + 1;
        } else {
            words.push(word.to_owned());
            mask_next |= scheme;
        }
    }
    words.join(" ").chars().take(LENGTH_MAX).collect()
}

fn url(scheme: &str, word: &str) -> String {
    let rest = &word[scheme.len() + 3..];
    let end = rest.find(['?', '#']);
    let (path, query) = end.map_or((rest, ""), |end| (&rest[..end], "?***"));
    let authority_end = path.find('/').unwrap_or(path.len());
    let path = path[..authority_end].rfind('@').map_or(path, |at| &path[at + 1..]);
    format!("{scheme}://{path}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_and_the_rest_stays_readable() {
        for (input, expected) in [
            ("no such file: moscot.catalog.json", "no such file: moscot.catalog.json"),
            ("GET https://user:pw@shop.example/a?sig=1 failed", "GET https://shop.example/a?*** failed"),
            ("GET https://shop.example/a#token failed", "GET https://shop.example/a?*** failed"),
            ("api_key=abc123 refused", "api_key=*** refused"),
            ("Authorization: Bearer abc123 refused", "Authorization:*** Bearer *** refused"),
            ("password: hunter2", "password:*** ***"),
            ("Bearer abc123 refused, and basic abc123 too", "Bearer *** refused, and basic *** too"),
            ("token= abc123 secret=abc123", "token=*** *** secret=***"),
            ("eyJhbGciOi and moscot.catalog.json are none", "eyJhbGciOi and moscot.catalog.json are none"),
            ("https://user:pw@shop.example/@scope", "https://shop.example/@scope"),
            ("bad eyJhbGciOi.eyJzdWIi.c2ln here", "bad *** here"),
        ] {
            assert_eq!(error_text(input), expected);
        }
        for (input, expected) in [
            ("moscot#1@2.json", "moscot#1@2.json"),
            ("a/b.json?token=1", "a/b.json?***"),
            ("https://shop.example/@scope/a.json", "https://shop.example/@scope/a.json"),
            ("https://user:pw@shop.example/a.json?token=1#x", "https://***@shop.example/a.json?***"),
            ("https://shop.example/a.json#token", "https://shop.example/a.json#***"),
            ("https://user:p/w@shop.example/a.json", "https://?***"),
            ("s3://key:pw@ours/a.json?X-Amz-Signature=1", "s3://***@ours/a.json?***"),
            ("ftp://user:pw@shop.example", "ftp://***@shop.example"),
            ("https:u:pw@shop.example/p", "***@shop.example/p"),
            ("http:/u:pw@shop.example/p", "***@shop.example/p"),
            ("https//u:pw@shop.example/p", "***@shop.example/p"),
            ("//u:pw@shop.example/p", "***@shop.example/p"),
            ("u:pw@shop.example/p", "***@shop.example/p"),
        ] {
            assert_eq!(source(input), expected);
        }
        assert_eq!(error_text(&"ø".repeat(2000)).chars().count(), LENGTH_MAX);
    }
}
