//! What is read of documents, however they are cut into chunks.

use super::*;
use crate::domain::catalogue::form::FieldPath;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

/// The ids of a document that arrives in chunks of `step` bytes.
fn ids(document: impl AsRef<[u8]>, step: usize) -> Result<Vec<String>, RowError> {
    read(&Form::default(), document, step).map(|(ids, _)| ids)
}

/// The ids of a document, and the rows that were set aside: their numbers, and where they start.
type Found = (Vec<String>, Vec<(u64, u64)>);

fn read(form: &Form, document: impl AsRef<[u8]>, step: usize) -> Result<Found, RowError> {
    let mut rows = Rows::new(form.clone());
    let mut found = Vec::new();
    for chunk in document.as_ref().chunks(step.max(1)) {
        rows.push(chunk);
        while let Some(row) = rows.next_row()? {
            found.push(row.catalog_id().to_owned());
        }
    }
    rows.end();
    while let Some(row) = rows.next_row()? {
        found.push(row.catalog_id().to_owned());
    }
    assert_eq!(rows.bytes_read(), document.as_ref().len() as u64);
    Ok((found, rows.findings().bad_rows_kept.iter().map(|row| (row.row, row.byte)).collect()))
}

fn form(id: Option<&str>, items: Option<&str>, total: Option<&str>) -> Form {
    let path = |text: &str| FieldPath::parse(text).unwrap();
    Form { id: id.map(path), items: items.map(path), total: total.map(path), ..Form::default() }
}

fn bad(row: u64, byte: u64, fault: RowFault) -> RowError {
    RowError::Row { row, byte, fault }
}

fn syntax(row: u64, byte: u64, at: u64, reason: &str) -> RowError {
    bad(row, byte, RowFault::Syntax { reason: reason.into(), at })
}

#[track_caller]
fn check<D: AsRef<[u8]> + Copy>(document: D, expected: Result<&[&str], RowError>) {
    let expected = expected.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
    for step in [1, 2, 3, 7, 4096] {
        assert_eq!(ids(document, step), expected, "in chunks of {step}");
    }
}

#[test]
fn whole_documents() {
    check("[]", Ok(&[]));
    check(" [ ] \n", Ok(&[]));
    check(r#"[{"catalogId":"a"} , {"catalogId":"b","x":[1,{"y":"]"}]}]"#, Ok(&["a", "b"]));
    check("{\"catalogId\":\"a\"}\n\n{\"catalogId\":\"b\"}\r\n", Ok(&["a", "b"]));
    check("{\"catalogId\":\"a\"}", Ok(&["a"]));
    check("\u{FEFF}[{\"catalogId\":\"æ\"}]", Ok(&["æ"]));
    check("\u{FEFF}{\"catalogId\":\"a\"}\n\u{FEFF}{\"catalogId\":\"b\"}", Ok(&["a", "b"]));
}

#[test]
fn documents_that_are_no_whole_catalogue() {
    use RowError::{Broken, CutOff, NotACatalogue, Row, Trailing};
    check(r#"[{"catalogId":"a"}"#, Err(CutOff { row: 1, byte: 18 }));
    check(r#"[{"catalogId":"a"},"#, Err(CutOff { row: 1, byte: 19 }));
    check(r#"[{"catalogId":"a"},{"cat"#, Err(CutOff { row: 1, byte: 24 }));
    check("[", Err(CutOff { row: 0, byte: 1 }));
    check("{\"catalogId\":\"a\"}\n{\"catalogId\":\"b", Err(CutOff { row: 1, byte: 33 }));
    check(r#"[{"catalogId":"a"}] x"#, Err(Trailing { byte: 20, what: "array" }));
    // What begins like a byte order mark, is one in the wrong place, or a second one.
    check([0xEF], Err(NotACatalogue(Looks::Unknown)));
    check([0xEF, 0xBB], Err(NotACatalogue(Looks::Unknown)));
    check("\u{FF46}", Err(NotACatalogue(Looks::Unknown)));
    check(" \u{FEFF}[]", Err(NotACatalogue(Looks::Unknown)));
    check("\u{FEFF}\u{FEFF}[]", Err(NotACatalogue(Looks::Unknown)));
    check(
        r#"[{"catalogId":"a"} {"catalogId":"b"}]"#,
        Err(Broken { row: 1, byte: 19, what: "expected `,` or `]` after a row" }),
    );
    check(r#"[{"catalogId":"a"},]"#, Err(Broken { row: 1, byte: 19, what: "a row is missing after the last comma" }));
    let what = "there is a comma between objects that no list is around: write [ and ] around them";
    check("{\"catalogId\":\"a\"},\n{\"catalogId\":\"b\"}", Err(Broken { row: 1, byte: 17, what }));
    let no_object = |row, byte| Err(Row { row, byte, fault: RowFault::NoObject });
    check("{\"catalogId\":\"a\"}\n[]", no_object(2, 18));
    check("[12]", no_object(1, 1));
    check("[ null]", no_object(1, 2));
}

#[test]
fn a_document_in_another_format_is_called_by_its_name() {
    let utf_16 = |text: &str, low: usize| {
        text.encode_utf16().flat_map(|unit| [unit.to_be_bytes(), unit.to_le_bytes()][low]).collect::<Vec<u8>>()
    };
    for (document, expected) in [
        (Vec::new(), Looks::Empty),
        (b" \r\n".to_vec(), Looks::Empty),
        ("\u{FEFF}".into(), Looks::Empty),
        (b"<html>".to_vec(), Looks::Markup),
        (b"\n <!DOCTYPE html>".to_vec(), Looks::Markup),
        (b"\x1F\x8B\x08\0\0\0\0\0".to_vec(), Looks::Packed("gzip")),
        (b"PK\x03\x04\x14\0\0\0".to_vec(), Looks::Packed("ZIP")),
        (b"\x28\xB5\x2F\xFD\0\0\0\0".to_vec(), Looks::Packed("Zstandard")),
        (b"BZh91AY&SY".to_vec(), Looks::Packed("bzip2")),
        (b"\xFD7zXZ\0\0\0".to_vec(), Looks::Packed("xz")),
        (utf_16("\u{FEFF}[{}]", 0), Looks::Encoded("UTF-16")),
        (utf_16("\u{FEFF}[{}]", 1), Looks::Encoded("UTF-16")),
        (utf_16("[{}]", 0), Looks::Encoded("UTF-16")),
        (utf_16("[{}]", 1), Looks::Encoded("UTF-16")),
        (utf_16("{}", 1), Looks::Encoded("UTF-16")),
        (b"[\0\0\0{\0\0\0".to_vec(), Looks::Encoded("UTF-32")),
        (b"\xFF\xFE\0\0[\0\0\0".to_vec(), Looks::Encoded("UTF-32")),
        (b"id;name\n1;a\n".to_vec(), Looks::Unknown),
        (b"null".to_vec(), Looks::Unknown),
        (b"P".to_vec(), Looks::Unknown),
    ] {
        for step in [1, 3, 4096] {
            let found = ids(&document, step).map(drop);
            assert_eq!(found, Err(RowError::NotACatalogue(expected)), "{document:?} in chunks of {step}");
        }
    }
}

#[test]
fn a_row_that_is_wrong_is_named_with_the_byte() {
    check(r#"[{"catalogId":"a"}, {"catalogId" 7}]"#, Err(syntax(2, 20, 33, "expected `:`")));
    check("{\"catalogId\":\"a\"}\n{\"catalogId\":\n nul }", Err(syntax(2, 18, 36, "expected ident")));
    check(r#"[{"catalogId":"a","n":NaN}]"#, Err(syntax(1, 1, 22, "expected value")));
    let encoding = |row, byte, at| Err(RowError::Row { row, byte, fault: RowFault::Encoding { at } });
    check(b"[{\"catalogId\":\"a\"},{\"catalogId\":\"caf\xE9 au lait\"}]", encoding(2, 19, 36));
    check(b"{\"catalogId\":\"a\",\"\xFCber\":1}", encoding(1, 0, 18));
    // A character that a chunk cuts in two is whole with the next one.
    check("[{\"catalogId\":\"\u{1F453}\"}]", Ok(&["\u{1F453}"]));
    let text = ids(b"[{\"catalogId\":\"\xE9\"}]", 64).unwrap_err().to_string();
    assert_eq!(text, "row 1 (from byte 1) is not encoded in UTF-8, at byte 15: in Latin-1 or Windows-1252, perhaps");
}

#[test]
fn a_row_without_an_id_says_what_may_have_been_meant() {
    for (form, document, expected) in [
        (
            form(None, None, None),
            r#"[{"catalogId":"a"},{"id":"b"}]"#,
            "row 2 (from byte 19) has no catalogId: each row must be an object with a non-empty string \"catalogId\"; the vendor's \"id\" can name another field",
        ),
        (
            form(None, None, None),
            r#"{"products":[{"id":1}]}"#,
            "row 1 (from byte 0) has no catalogId: each row must be an object with a non-empty string \"catalogId\"; if the list is inside of it, the vendor needs \"items\": \"products\"",
        ),
        (
            form(Some("id"), None, None),
            r#"[{"sku":1}]"#,
            "row 1 (from byte 1) has no id: each row must be an object with a non-empty text or number \"id\"",
        ),
    ] {
        for step in [1, 4096] {
            assert_eq!(read(&form, document, step).unwrap_err().to_string(), expected);
        }
    }
}

#[test]
fn a_list_is_found_in_what_is_around_it() {
    let shop = r#" {"a":[1,"]}"],"products" : [{"id":1} , {"id":"b"}], "n": 12 }  "#;
    let pages = r#"{"data":{"x":{"products":[]},"products":[{"id":7}]},"meta":{"count":{"all":"1"}}}"#;
    for (form, document, expected) in [
        (form(Some("id"), Some("products"), None), shop, Ok(vec!["1", "b"])),
        (form(Some("id"), Some("products"), None), "\u{FEFF}{\"products\":[]}", Ok(vec![])),
        (form(Some("id"), Some("data.products"), Some("meta.count.all")), pages, Ok(vec!["7"])),
        (form(Some("id"), Some("data.products"), Some("data.n")), r#"{"data":{"n":0,"products":[]}}"#, Ok(vec![])),
        // The list is missing, something else, or there twice.
        (form(None, Some("items"), None), shop, Err("there is no list at \"items\"")),
        (form(None, Some("products.all"), None), shop, Err("a list is there")),
        (form(None, Some("products"), None), r#"{"products":null}"#, Err("null is there")),
        (form(None, Some("products"), None), r#"{"products":{}}"#, Err("an object is there")),
        (form(None, Some("products"), None), "{}", Err("nothing is there")),
        (form(None, Some("products"), None), "[]", Err("a list with nothing around it is there")),
        (
            form(None, Some("products"), None),
            r#"{"products":[],"products":[]}"#,
            Err("the list stands there a second time"),
        ),
        // What is around it is not closed, not JSON, or not the end.
        (form(None, Some("products"), None), r#"{"products":[]"#, Err("cut off after row 0")),
        (form(None, Some("products"), None), r#"{"products":[],"#, Err("cut off")),
        (form(None, Some("products"), None), r#"{"products":[],"n":12"#, Err("cut off")),
        (form(None, Some("products"), None), r#"{"products":[],"n"#, Err("cut off")),
        (
            form(None, Some("products"), None),
            r#"{"products" []}"#,
            Err("at byte 12: the object around the list is not valid JSON"),
        ),
        (
            form(None, Some("products"), None),
            r#"{"products":[],"n":nil}"#,
            Err("at byte 19: the object around the list is not valid JSON"),
        ),
        (
            form(None, Some("products"), None),
            "{\"products\":[]}\n{\"products\":[]}",
            Err("after the end of the object around the list, at byte 16"),
        ),
    ] {
        for step in [1, 2, 3, 7, 4096] {
            let found = read(&form, document, step);
            match (&found, &expected) {
                (Ok((ids, _)), Ok(expected)) => assert_eq!(ids, expected, "{document} in chunks of {step}"),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{document} in chunks of {step}: {error}");
                }
                _ => panic!("{document} in chunks of {step}: {found:?}, expected {expected:?}"),
            }
        }
    }
    let long = format!(r#"{{"note":"{}","products":[]}}"#, "x".repeat(ROW_BYTES_MAX));
    let form = form(None, Some("products"), None);
    let what = "what stands beside the list is too long";
    assert_eq!(read(&form, &long, 65_536), Err(RowError::Broken { row: 0, byte: 8, what }));
}

#[test]
fn a_catalogue_that_says_how_many_rows_it_has_has_as_many() {
    let lines = |total: &str| form(None, None, Some(total));
    let wrapped = form(None, Some("rows"), Some("total"));
    for (form, document, expected) in [
        (&lines("n"), "{\"catalogId\":\"a\"}\n{\"n\":1}\n", Ok(1)),
        (&lines("end.n"), "{\"end\":{\"n\":0}}", Ok(0)),
        (&lines("n"), "{\"catalogId\":\"a\"}\n", Err(RowError::NoTotal { field: "n".into() })),
        (&lines("n"), "{\"catalogId\":\"a\",\"n\":1}\n", Err(RowError::NoTotal { field: "n".into() })),
        (&lines("n"), "{\"catalogId\":\"a\"}{\"n\":2}", Err(RowError::OtherTotal { said: 2, rows: 1 })),
        (
            &lines("n"),
            "{\"n\":0}{\"catalogId\":\"a\"}",
            Err(RowError::Trailing { byte: 7, what: "list, which the line with the number of rows ends" }),
        ),
        (&wrapped, r#"{"total":1,"rows":[{"catalogId":"a"}]}"#, Ok(1)),
        (&wrapped, r#"{"rows":[{"catalogId":"a"},{"catalogId":"a"}],"total":"2"}"#, Ok(2)),
        (&wrapped, r#"{"rows":[{"catalogId":"a"}],"total":3}"#, Err(RowError::OtherTotal { said: 3, rows: 1 })),
        (&wrapped, r#"{"rows":[{"catalogId":"a"}],"total":0}"#, Err(RowError::OtherTotal { said: 0, rows: 1 })),
        (&wrapped, r#"{"rows":[]}"#, Err(RowError::NoTotal { field: "total".into() })),
        (&wrapped, r#"{"rows":[],"total":null}"#, Err(RowError::NoTotal { field: "total".into() })),
        (&wrapped, r#"{"rows":[],"total":0.5}"#, Err(RowError::NoTotal { field: "total".into() })),
    ] {
        for step in [1, 5, 4096] {
            let found = read(form, document, step).map(|(ids, _)| ids.len());
            assert_eq!(found, expected, "{document} in chunks of {step}");
        }
    }
}

#[test]
fn rows_that_cannot_be_read_are_set_aside_where_that_is_wanted() {
    let a = r#"{"catalogId":"a"}"#;
    let long = format!(r#"{{"catalogId":"b","x":"{}"}}"#, "x".repeat(ROW_BYTES_MAX));
    for (bad, json_is_right) in [
        (r#"{"id":"b"}"#, true),
        (r#"{"catalogId":""}"#, true),
        ("null", true),
        ("12", true),
        (r#""text, with ] and }""#, true),
        (r#"[{"catalogId":"b"}]"#, true),
        (&long, true),
        (r#"{"catalogId":"b","x":NaN}"#, false),
        (r#"{"catalogId":"b","x":'y'}"#, false),
        (r#"{"catalogId":"b","x":"\ud800"}"#, false),
        (r#"{"catalogId":"b","x":"\x","y":"\"}"}"#, false),
        (r#"{"catalogId":"b" "x":[{}]}"#, false),
        (r#"{catalogId:"b"}"#, false),
    ] {
        for step in [1, 7, 4096, 1 << 20].into_iter().skip(if bad.len() > 4096 { 2 } else { 0 }) {
            let named = |expected_at: u64| Ok((vec!["a".to_owned(), "c".to_owned()], vec![(2, expected_at)]));
            let c = r#"{"catalogId":"c"}"#;
            let form = Form { bad_rows: BadRows::SetAside, ..Form::default() };
            assert_eq!(read(&form, format!("[{a},{bad},{c}]"), step), named(19), "{bad} in chunks of {step}");
            assert_eq!(read(&form, format!("{a}\n{bad}\n{c}\n"), step), named(18), "{bad} in chunks of {step}");
            let around = Form { items: FieldPath::parse("x"), ..form.clone() };
            let wrapped = format!(r#"{{"x":[{a},{bad},{c}],"y":1}}"#);
            assert_eq!(read(&around, wrapped, step), named(24), "{bad} in chunks of {step}");
            assert!(read(&Form::default(), format!("[{a},{bad},{c}]"), step).is_err(), "{bad}");
        }
        assert_eq!(serde_json::from_str::<serde_json::Value>(bad).is_ok(), json_is_right, "{bad}");
    }
}

#[test]
fn what_is_wrong_between_rows_or_cuts_them_off_is_never_set_aside() {
    let form = Form { bad_rows: BadRows::SetAside, ..Form::default() };
    for document in [
        r#"[{"catalogId":"a"},{"catalogId":"b""#,
        r#"[{"catalogId":"a"},{"catalogId":NaN"#,
        r#"[{"catalogId":"a"},{"catalogId":NaN}"#,
        r#"[{"catalogId":"a"}{"catalogId":"b"}]"#,
        r#"[{"catalogId":"a"},{"catalogId":NaN}}]"#,
        r#"[{"catalogId":"a"},{"catalogId":"b" 2"}]"#,
        "{\"catalogId\":\"a\"}\n{\"catalogId\":",
        "<html>",
    ] {
        assert!(read(&form, document, 5).is_err(), "{document}");
    }
}

#[test]
fn a_row_on_several_lines_makes_no_rows_of_its_parts() {
    let form = Form { bad_rows: BadRows::SetAside, ..Form::default() };
    let (b, c) = (r#"{"catalogId":"b"}"#, r#"{"catalogId":"c"}"#);
    for (bad, expected) in [
        // Written over several lines, and broken in the middle.
        (
            format!("{{\n \"catalogId\": \"a\",\n \"parts\": [\n  {b}\n ], \"x\": tru\n}}"),
            Err("does not end with its line"),
        ),
        (format!("{{\"parts\":[\n{b}], \"x\": tru}}"), Err("does not end with its line")),
        (format!("{{\"x\": tru, \"part\":\n{b}}}"), Err("does not end with its line")),
        (format!("{{\"x\": tru, \"parts\":[{{}},\n{b}]}}"), Err("does not end with its line")),
        // It is JSON, so its end is known.
        (format!("{{\n\"id\": \"a\",\n\"parts\": [\n{b}\n]\n}}"), Ok(())),
        // Cut off, or with a quote too many: what follows is no part of it.
        (r#"{"catalogId":"a","x":tru"#.to_owned(), Ok(())),
        (r#"{"catalogId":"a","x":"5" wide"}"#.to_owned(), Ok(())),
        (r#"{"catalogId":"a","x":NaN},"#.to_owned(), Ok(())),
    ] {
        for step in [1, 2, 7, 4096] {
            let found = read(&form, format!("{bad}\n{c}\n"), step);
            match expected {
                Ok(()) => assert_eq!(found, Ok((vec!["c".to_owned()], vec![(1, 0)])), "{bad} in chunks of {step}"),
                Err(part) => assert!(found.as_ref().unwrap_err().to_string().contains(part), "{bad}: {found:?}"),
            }
        }
    }
    // With nothing behind it, what is cut off is a catalogue that is cut off.
    assert_eq!(read(&form, format!("{c}\n{{\"x\":tru,"), 5), Err(RowError::CutOff { row: 2, byte: 27 }));
}

#[test]
fn so_many_rows_are_set_aside_and_no_more_and_some_of_them_are_kept() {
    let form = Form { bad_rows: BadRows::SetAside, ..Form::default() };
    let most = usize::try_from(BAD_ROWS_MAX).unwrap();
    let mut rows = Rows::new(form.clone());
    rows.push("{}\n".repeat(most).as_bytes());
    rows.end();
    assert!(rows.next_row().unwrap().is_none());
    let findings = rows.findings();
    assert_eq!((findings.bad_rows, findings.bad_rows_kept.len()), (BAD_ROWS_MAX, BAD_ROWS_KEPT_MAX));
    assert!(matches!(
        read(&form, "{}\n".repeat(most + 1), 4096),
        Err(RowError::TooManyBad { row: 1001, byte: 3000, .. })
    ));
}

#[test]
fn a_row_and_its_id_are_as_long_as_they_may_be_and_no_longer() {
    // In bytes of the filling: the rest of the row has 20 more.
    let padded = |padding: usize| format!(r#"{{"catalogId":"a","":"{}"}}"#, "x".repeat(padding));
    let padding_max = ROW_BYTES_MAX - padded(0).len();
    assert_eq!(ROW_BYTES_MAX, 389_120);
    for step in [65_536, ROW_BYTES_MAX * 2] {
        assert_eq!(ids(format!("[{}]", padded(padding_max)), step), Ok(vec!["a".into()]), "in chunks of {step}");
        let long = format!("[{},{}]", padded(0), padded(padding_max + 1));
        assert_eq!(ids(long, step), Err(bad(2, 25, RowFault::TooLong)), "in chunks of {step}");
    }
    let named = |length: usize| ids(format!(r#"[{{"catalogId":"{}"}}]"#, "x".repeat(length)), 4096);
    assert!(named(ID_BYTES_MAX).is_ok());
    assert_eq!(named(ID_BYTES_MAX + 1), Err(bad(1, 1, RowFault::IdTooLong)));
}

#[test]
fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
    let longest = format!(r#"{{"catalogId":"b"{}"#, " ".repeat(ROW_BYTES_MAX - 16));
    assert_eq!(longest.len(), ROW_BYTES_MAX);
    let mut rows = Rows::default();
    rows.push(format!(r#"[{{"catalogId":"a"}},{longest}"#).as_bytes());
    assert!(rows.next_row().unwrap().is_some());
    assert!(rows.next_row().unwrap().is_none());
    rows.push(b" ");
    assert_eq!(rows.next_row().map(drop), Err(bad(2, 19, RowFault::TooLong)));
}

#[test]
fn a_catalogue_has_as_many_rows_as_it_may_and_no_more() {
    let cutter = Cutter { rows: ROWS_MAX - 1, ..Cutter::default() };
    let mut rows = Rows { cutter, ..Rows::default() };
    rows.push(br#"{"catalogId":"a"} {"catalogId":"b"}"#);
    assert_eq!(rows.next_row().unwrap().map(|row| row.number), Some(ROWS_MAX));
    assert_eq!(rows.next_row().map(drop), Err(RowError::TooMany));
}

#[test]
fn a_row_has_its_items_hash() {
    let mut rows = Rows::default();
    rows.push(br#"{"t":1,"catalogId":"a"}"#);
    let hash = rows.next_row().unwrap().unwrap().hash(&[VolatilePath::parse("t").unwrap()], &mut Vec::new());
    assert_eq!(hash, *Sha256::digest(r#"{"catalogId":"a"}"#));
}

proptest! {
    #[test]
    fn cutting_a_document_short_never_yields_a_shorter_catalogue(count in 1usize..6, cut in 0usize..200, step in 1usize..50) {
        let rows: Vec<String> = (0..count).map(|n| format!(r#"{{"catalogId":"id-{n}","t":"a,]}}"}}"#)).collect();
        let document = format!("[{}]", rows.join(","));
        let cut = cut.min(document.len() - 1);
        prop_assert!(ids(&document[..cut], step).is_err());
        prop_assert_eq!(ids(&document, step).unwrap().len(), count);
    }

    /// Nothing that arrives panics, and it comes to the same however it arrives.
    #[test]
    fn whatever_arrives_in_whatever_chunks_comes_to_the_same(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "[", "]", "{", "}", ",", ":", "\n", " ", "\"", "\\", "{\"catalogId\":\"a\"}", "{\"catalogId\":1.5e3,\"x\":[-2]}", "{}",
                "\"products\"", "\"n\"", "{\"products\":[", "],\"n\":2}", "-", "0.", "1e", "nul", "true", "12", "\u{FEFF}", "\u{E9}",
                "\"\\u00", "{\"n\":1}",
            ]),
            0..12,
        ),
        odd in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        form in prop::sample::select(vec![
            form(None, None, None), form(Some("catalogId"), None, Some("n")), form(None, Some("products"), Some("n")),
        ]),
        bad_rows in prop::sample::select(vec![BadRows::Fail, BadRows::SetAside]),
    ) {
        let mut document = parts.concat().into_bytes();
        if let Some((at, byte)) = odd {
            let at = at.index(document.len() + 1);
            document.insert(at, byte);
        }
        let form = Form { bad_rows, ..form };
        let whole = read(&form, &document, usize::MAX);
        for step in [1, 2, 5] {
            let found = read(&form, &document, step);
            prop_assert_eq!(&found, &whole, "in chunks of {}: {:?}", step, String::from_utf8_lossy(&document));
        }
    }
}
