//! A request's headers, as the domain looks them up.

use http::HeaderMap;

use crate::domain::deliveries::signature::HeaderLookup;

impl HeaderLookup for HeaderMap {
    fn get(&self, name: &str) -> Option<&[u8]> {
        HeaderMap::get(self, name).map(http::HeaderValue::as_bytes)
    }
}
