//! A request as the vendors read it, and what they answer.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::Value;

/// A request.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A parameter of the query, unless it is blank.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter that is a number in a range; one that is not there is the default.
    pub(crate) fn number(&self, name: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        match self.parameter(name) {
            None => Some(default),
            Some(text) => text.parse().ok().filter(|number| range.contains(number)),
        }
    }

    /// A text of the body's object.
    pub(crate) fn body_text(&self, name: &str) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get(name)?.as_str()?.to_owned())
    }

    /// The fields of a body that is a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        // What is written here are values of JSON, which can be written.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::text(status, "application/json; charset=utf-8", body)
    }

    pub(crate) fn text(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body: body.into() }
    }

    pub(crate) fn page_for_people(status: u16, title: &str) -> Self {
        let page =
            format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
        Self::text(status, "text/html; charset=utf-8", page)
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        // In place of the type that axum gives to bytes.
        response.headers_mut().clear();
        response.headers_mut().extend(self.headers);
        response
    }
}
