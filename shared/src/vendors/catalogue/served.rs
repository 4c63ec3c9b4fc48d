//! Catalogues from a real server, byte for byte: what goes to it, and what becomes of what it answers.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::{CatalogueReader, SourceError, SourceRules, StoreFactory};
use crate::domain::catalogue::form::Form;
use crate::domain::catalogue::vendor::parse_vendors;
use crate::domain::pull::asked::RetryAfter;
use crate::environment::Environment;
use crate::vendors::server::Server;

const LIST: &[u8] = b"[{\"catalogId\":\"a\"},{\"catalogId\":\"b\"}]";
const LINES: &[u8] = b"{\"catalogId\":\"a\"}\n{\"catalogId\":\"b\"}\n";

impl Server {
    /// The ids of the catalogue at a path, and the version.
    async fn read(&self, path: &str) -> Result<(Vec<String>, String), SourceError> {
        let hosts = format!("{},10.0.0.1", self.address);
        Self::read_at(
            &format!("http://{}{path}", self.address),
            &[("SIGNALBOX_STAGE", "local"), ("CATALOG_HOSTS", &hosts)],
        )
        .await
    }

    /// The ids of the catalogue that a connection has its source at, and the version.
    async fn read_at(url: &str, variables: &[(&str, &str)]) -> Result<(Vec<String>, String), SourceError> {
        let environment: Environment = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let rules = SourceRules::from_environment(&environment).unwrap();
        let vendors = serde_json::json!([{"slug": "shop", "source": url}]).to_string();
        let vendor = parse_vendors(&vendors).unwrap().remove(0);
        let location = rules.locate(&vendor, &vendor.shown_source().unwrap())?;
        let (form, stores) = (Form::default(), StoreFactory::default());
        let mut reader = CatalogueReader::open(&location, &form, &stores, &environment).await?;
        let mut ids = Vec::new();
        loop {
            while let Some(row) = reader.next_row()? {
                ids.push(row.catalog_id().to_owned());
            }
            if !reader.more().await? {
                return Ok((ids, reader.version().to_owned()));
            }
        }
    }
}

fn of_length(body: &[u8]) -> String {
    format!("200 OK\r\ncontent-length: {}", body.len())
}

fn chunked(pieces: &[&[u8]], end: &[u8]) -> Vec<u8> {
    let chunk = |piece: &&[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    [pieces.iter().flat_map(chunk).collect(), end.to_vec()].concat()
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever stands in a URL, that document is asked for, or nothing is.
    #[test]
    fn what_is_asked_for_is_what_is_written(
        path in r"(/(%2F|%2f|%3B|%2e|%25|%C3%A9|%zz|%|\.\.|\.|;|:|,|=|\+|@|&|~|\||\[|\]|\\|'| |é|[a-zA-Z0-9._-]){0,6}){1,4}/?",
        query in r"(\?([a-z]{1,3}=?(%2F|%20|\+|&|=|\?|/|'| |é|[0-9]){0,4}){0,3})?",
    ) {
        thread_local!(static SERVER: Server = Server::start());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let written = format!("{path}{query}");
        SERVER.with(|server| {
            server.answer(&of_length(LIST), LIST);
            let read = runtime.block_on(server.read(&written));
            let asked = server.take_asked();
            match read {
                Ok(_) => prop_assert_eq!(asked, vec![written]),
                Err(SourceError::NotAllowed(_)) => prop_assert_eq!(asked, Vec::<String>::new(), "{}", written),
                Err(other) => prop_assert!(false, "{}: {}", written, other),
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn urls_that_were_rewritten_once_are_fetched_as_they_are() {
    let server = Server::start();
    server.answer(&of_length(LIST), LIST);
    for path in
        ["/files/a%2Fb.json", "/files/", "//a", "/a%3Bb", "/%7Ejoe", "/p.json?limit=250&since=a%2Fb+c", "/a%C3%A9"]
    {
        assert_eq!(server.read(path).await.unwrap().0, ["a", "b"], "{path}");
    }
    let asked = server.take_asked();
    assert_eq!(
        asked,
        ["/files/a%2Fb.json", "/files/", "//a", "/a%3Bb", "/%7Ejoe", "/p.json?limit=250&since=a%2Fb+c", "/a%C3%A9"]
    );
}

#[tokio::test]
async fn a_document_is_whole_when_something_proves_it() {
    let server = Server::start();
    let gzip = packed(LINES);
    let encoded = |length: usize| format!("200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}");
    for (path, head, body) in [
        ("/length", of_length(LINES), LINES.to_vec()),
        ("/chunked", "200 OK\r\ntransfer-encoding: chunked".to_owned(), chunked(&[LIST], b"0\r\n\r\n")),
        (
            "/chunked-lines",
            "200 OK\r\nTransfer-Encoding: Chunked".to_owned(),
            chunked(&[&LINES[..7], &LINES[7..]], b"0\r\n\r\n"),
        ),
        // The list is closed.
        ("/connection", "200 OK".to_owned(), LIST.to_vec()),
        ("/gzip", encoded(gzip.len()), gzip.clone()),
        ("/x-gzip", "200 OK\r\nContent-Encoding: X-GZIP".to_owned(), packed(LIST)),
        ("/aws-chunked", format!("{}\r\ncontent-encoding: gzip, aws-chunked", of_length(&gzip)), gzip.clone()),
        (
            "/two-headers",
            format!("{}\r\ncontent-encoding: identity\r\ncontent-encoding: gzip", of_length(&gzip)),
            gzip.clone(),
        ),
        ("/plain", format!("{}\r\ncontent-encoding: aws-chunked,", of_length(LINES)), LINES.to_vec()),
        ("/lines.json.gz", of_length(&gzip), gzip.clone()),
        ("/LINES.GZ", encoded(gzip.len()), gzip.clone()),
        // The list in it is closed.
        ("/connection.gz", "200 OK".to_owned(), packed(LIST)),
        (
            "/chunked.gz",
            "200 OK\r\ntransfer-encoding: chunked".to_owned(),
            chunked(&[&gzip[..9], &gzip[9..]], b"0\r\n\r\n"),
        ),
    ] {
        server.answer(&head, &body);
        assert_eq!(server.read(path).await.unwrap().0, ["a", "b"], "{path}");
    }
}

#[tokio::test]
async fn a_document_that_nothing_proves_to_be_whole_is_refused() {
    let server = Server::start();
    let gzip = packed(LINES);
    let half = gzip.len() / 2;
    let chunks = "200 OK\r\ntransfer-encoding: chunked";
    for (path, head, body, expected, transient) in [
        ("/a", "200 OK\r\ncontent-length: 99".to_owned(), LIST.to_vec(), "the connection was cut", true),
        ("/b", chunks.to_owned(), chunked(&[LIST], b""), "the connection was cut", true),
        ("/c", chunks.to_owned(), chunked(&[LINES], b"0\r\n"), "the connection was cut", true),
        ("/d", "200 OK".to_owned(), LINES.to_vec(), "neither how long it is nor where it ends", false),
        ("/e", "200 OK".to_owned(), LIST[..18].to_vec(), "cut off after row 1", false),
        ("/f.gz", of_length(&gzip[..half]), gzip[..half].to_vec(), "compressed with gzip, and ends too early", false),
        ("/g.gz", "200 OK".to_owned(), gzip[..half].to_vec(), "compressed with gzip, and ends too early", true),
        // Another member may have been to come.
        ("/k.gz", "200 OK".to_owned(), gzip.clone(), "neither how long it is nor where it ends", false),
        ("/h.gz", of_length(LIST), LIST.to_vec(), "says that it is compressed with gzip, and it is not", false),
        ("/i", of_length(&gzip), gzip.clone(), "compressed with gzip, and neither does its name end in .gz", false),
        (
            "/l",
            format!("{}\r\ncontent-encoding: gzip, gzip", of_length(&gzip)),
            gzip.clone(),
            "in another way than gzip",
            false,
        ),
        (
            "/j",
            format!("{}\r\ncontent-encoding: br", of_length(&gzip)),
            gzip.clone(),
            "in another way than gzip",
            false,
        ),
    ] {
        server.answer(&head, &body);
        let error = server.read(path).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{path}: {error}");
        assert_eq!(error.is_transient(), transient, "{path}: {error}");
    }
}

#[tokio::test]
async fn what_will_not_pass_is_told_from_what_may() {
    let server = Server::start();
    for (status, transient) in [
        (400, false),
        (401, false),
        (402, false),
        (403, false),
        (404, false),
        (405, false),
        (406, false),
        (408, true),
        (410, false),
        (414, false),
        (418, false),
        (425, true),
        (429, true),
        (451, false),
        (500, true),
        (501, false),
        (502, true),
        (503, true),
        (504, true),
        (505, false),
        (202, true),
        (204, false),
        (206, false),
        (300, false),
        (304, false),
    ] {
        server.answer(&format!("{status} Some Reason\r\ncontent-length: 0"), b"");
        let error = server.read("/a").await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{status}: {error}");
        let named = match status {
            404 | 410 => "there is no catalogue at".to_owned(),
            401 | 403 => format!("access was denied (status {status})"),
            status => format!("its host answered {status}"),
        };
        assert!(error.to_string().contains(&named), "{status}: {error}");
    }
    // One request each: what may pass is the run's to try again, after a wait.
    assert_eq!(server.take_asked().len(), 25);
    for status in [429, 503] {
        server.answer(&format!("{status} Wait\r\nretry-after: 120\r\ncontent-length: 0"), b"");
        let error = server.read("/a").await.unwrap_err();
        assert!(matches!(error, SourceError::Busy { retry_after: RetryAfter::Seconds(120), .. }), "{error}");
    }
}

#[tokio::test]
async fn a_time_of_change_that_cannot_be_read_says_nothing() {
    let server = Server::start();
    for (header, version) in [
        ("last-modified: Thu, 15 Jan 2026 10:00:00 GMT", "-/37/1768471200000"),
        ("last-modified: 2026-11-25 10:00", "-/37/0"),
        ("last-modified: \u{E9}", "-/37/0"),
        ("last-modified:", "-/37/0"),
        ("etag: \"v1\"", "\"v1\"/37/0"),
    ] {
        server.answer(&format!("{}\r\n{header}", of_length(LIST)), LIST);
        assert_eq!(server.read("/a").await.unwrap().1, version, "{header}");
    }
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_public_is_refused_by_name() {
    let server = Server::start();
    server.answer("302 Found\r\nlocation: http://10.0.0.1/latest\r\ncontent-length: 0", b"");
    let error = server.read("/a").await.unwrap_err();
    assert_eq!(error.failure().code(), "source_not_public");
    assert!(error.to_string().starts_with("the source redirects: ") && !error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_but_on_one_s_own() {
    let server = Server::start();
    let port = server.address.rsplit(':').next().unwrap();
    server.answer(&of_length(LIST), LIST);
    for (url, code) in [
        (format!("https://localhost:{port}/a"), "source_not_public"),
        (format!("https://127.0.0.1:{port}/a"), "source_not_public"),
        (format!("http://localhost:{port}/a"), "source_not_allowed"),
    ] {
        let error = Server::read_at(&url, &[]).await.unwrap_err();
        assert_eq!(error.failure().code(), code, "{url}: {error}");
    }
    assert!(server.take_asked().is_empty(), "nobody is connected to");
    let url = format!("http://localhost:{port}/a");
    assert_eq!(Server::read_at(&url, &[("SIGNALBOX_STAGE", "local")]).await.unwrap().0, ["a", "b"]);
}
