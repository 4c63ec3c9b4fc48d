//! Tables and properties of [`super`].

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn keys(rows: impl IntoIterator<Item = u32>) -> Vec<Fingerprint> {
    rows.into_iter().map(|row| Fingerprint::of(&row.to_be_bytes())).collect()
}

const NUMBERED: Promise = Promise { paging: Paging::Number, page_size: 3, all_full: true };
const TOKENS: Promise = Promise { paging: Paging::Token, page_size: 3, all_full: false };

/// Rows, total and next token of each page.
type Pages<'a> = &'a [(&'a [u32], Option<u64>, Option<&'a str>)];

/// Follows pages until one is refused or is the last.
fn follow(promise: &Promise, pages: Pages<'_>) -> Result<Step, Refusal> {
    let (mut chain, mut step) = (Chain::default(), Step::More);
    let mut came = BTreeSet::new();
    for (rows, total, next) in pages {
        assert_eq!(step, Step::More, "nobody reads on after the end");
        let keys = keys(rows.iter().copied());
        let again = rows.iter().filter(|row| !came.insert(**row)).count();
        (chain, step) = chain.follow(promise, &Page { keys: &keys, again, total: *total, next: *next, late: 0 })?;
        // What is remembered is what a checkpoint brings back.
        let stored = serde_json::to_value(&chain).unwrap();
        assert_eq!(serde_json::from_value::<Chain>(stored).unwrap(), chain);
    }
    Ok(step)
}

#[test]
fn what_is_no_data_is_refused_with_what_to_do() {
    const DOCUMENTATION: Documentation =
        Documentation { host: "api.doorloop.com", api: "https://app.doorloop.com/api" };
    let host = || "app.doorloop.com".to_owned();
    for (content_type, body, refusal) in [
        (Some("application/json"), " {\"data\":[]}", None),
        (None, "\u{feff}[]", None),
        (Some("text/plain"), "{}", None),
        (Some("application/json"), "<!doctype html>", Some(Refusal::WebPage { host: host() })),
        (Some("text/HTML; charset=utf-8"), "{}", Some(Refusal::WebPage { host: host() })),
        (None, "\n  <html>", Some(Refusal::WebPage { host: host() })),
        (Some("application/json"), "", Some(Refusal::NotJson { host: host() })),
        (Some("application/json"), "null", Some(Refusal::NotJson { host: host() })),
        (None, "OK", Some(Refusal::NotJson { host: host() })),
    ] {
        let found = is_data(&host(), content_type, body.as_bytes(), Some(&DOCUMENTATION));
        assert_eq!(found.err(), refusal, "{content_type:?} {body:?}");
    }
    let mistaken = is_data("API.doorloop.com", Some("text/html"), b"<html>", Some(&DOCUMENTATION)).unwrap_err();
    let text = mistaken.to_string();
    assert!(text.contains("documentation") && text.contains("https://app.doorloop.com/api"), "{text}");
    assert!(is_data("api.doorloop.com", None, b"<html>", None).unwrap_err().to_string().contains("sign-in"));
}

#[test]
fn pages_with_numbers() {
    let total = Some(7);
    let (one, two, three) = ([1, 2, 3], [4, 5, 6], [7]);
    for (pages, expected) in [
        (&[(&one[..], total, None), (&two, total, None), (&three, total, None)][..], Ok(Step::End(Proof::Confirm))),
        (&[(&one, total, None), (&two, total, None)], Ok(Step::More)),
        (&[(&[], Some(0), None)], Ok(Step::End(Proof::Confirm))),
        (&[(&one, Some(3), None)], Ok(Step::End(Proof::Confirm))),
        (&[(&one, total, None), (&[4, 5], total, None)], Err(Refusal::ShortPage { page: 2, rows: 2, expected: 3 })),
        (&[(&one, total, None), (&[], total, None)], Err(Refusal::ShortPage { page: 2, rows: 0, expected: 3 })),
        (&[(&[], total, None)], Err(Refusal::ShortPage { page: 1, rows: 0, expected: 3 })),
        (&[(&one, total, None), (&one, total, None)], Err(Refusal::RepeatedPage { page: 2 })),
        (&[(&one, total, None), (&two, Some(6), None)], Err(Refusal::Shrunk { before: 7, after: 6 })),
        // The second page begins with the last row of the first, as one came before it; and one that has nothing new.
        (&[(&one, Some(5), None), (&[3, 4, 5], Some(6), None), (&[6], Some(6), None)], Ok(Step::End(Proof::Confirm))),
        (&[(&one, total, None), (&[3, 2, 1], total, None)], Err(Refusal::RepeatedPage { page: 2 })),
        // One more came meanwhile.
        (&[(&one, Some(6), None), (&two, total, None), (&three, total, None)], Ok(Step::End(Proof::Confirm))),
        (&[(&one, total, None), (&two, None, None), (&three, None, None)], Ok(Step::End(Proof::Confirm))),
        (&[(&one, Some(2), None)], Err(Refusal::LongList { rows: 3, total: 2 })),
        // One short of its total, of which it is the last page; and rows of one id.
        (&[(&one, Some(6), None), (&[4, 5], Some(6), None)], Err(Refusal::ShortList { rows: 5, total: 6 })),
        (&[(&[1, 1], Some(2), None)], Err(Refusal::ShortList { rows: 1, total: 2 })),
        (&[(&one, None, None), (&[4], None, None)], Ok(Step::End(Proof::Nothing))),
    ] {
        assert_eq!(follow(&NUMBERED, pages), expected, "{pages:?}");
    }
}

#[test]
fn a_row_that_a_list_by_numbers_passes_over_is_missing_from_those_that_were_there() {
    let chain = |rows, late, pages, first_total| Chain { rows, late, pages, first_total, ..Chain::default() };
    for (paging, chain, told_apart, sure) in [
        (Paging::Token, chain(5, 5, 9, None), false, true),
        (Paging::Number, chain(5, 5, 1, Some(5)), false, true),
        (Paging::Number, chain(5, 0, 1, None), true, false),
        (Paging::Number, chain(9, 0, 3, Some(9)), true, true),
        (Paging::Number, chain(9, 0, 3, Some(9)), false, false),
        // One came, and one more than before; or one went.
        (Paging::Number, chain(10, 1, 4, Some(9)), true, true),
        (Paging::Number, chain(9, 1, 3, Some(9)), true, false),
    ] {
        assert_eq!(chain.has_passed_over_none(paging, told_apart), sure, "{paging:?} {chain:?} {told_apart}");
    }
}

#[test]
fn pages_with_tokens() {
    let (one, two) = ([1, 2, 3], [4, 5]);
    let full = Promise { all_full: true, ..TOKENS };
    for (promise, pages, expected) in [
        (TOKENS, &[(&one[..], None, Some("a")), (&two, None, None)][..], Ok(Step::End(Proof::Whole))),
        (TOKENS, &[(&two, None, Some("a")), (&one, None, None)], Ok(Step::End(Proof::Whole))),
        (TOKENS, &[(&[], None, None)], Ok(Step::End(Proof::Whole))),
        (full, &[(&two, None, Some("a"))], Err(Refusal::ShortPage { page: 1, rows: 2, expected: 3 })),
        (TOKENS, &[(&[], None, Some("a"))], Err(Refusal::ShortPage { page: 1, rows: 0, expected: 3 })),
        (TOKENS, &[(&one, None, Some("a")), (&two, None, Some("a"))], Err(Refusal::RepeatedToken { page: 2 })),
        (TOKENS, &[(&one, None, Some("a")), (&one, None, Some("b"))], Err(Refusal::RepeatedPage { page: 2 })),
        (TOKENS, &[(&one, Some(9), Some("a")), (&two, Some(9), None)], Err(Refusal::ShortList { rows: 5, total: 9 })),
        (TOKENS, &[(&one, Some(5), Some("a")), (&two, Some(5), None)], Ok(Step::End(Proof::Whole))),
        (TOKENS, &[(&one, Some(4), Some("a")), (&two, Some(4), None)], Err(Refusal::LongList { rows: 5, total: 4 })),
    ] {
        assert_eq!(follow(&promise, pages), expected, "{pages:?}");
    }
}

#[test]
fn who_goes_on_by_numbers_reads_the_last_page_once_more() {
    let (one, two, three) = (keys([1, 2, 3]), keys([4, 5, 6]), keys([7, 8, 9]));
    let page = |keys| Page { keys, again: 0, total: Some(10), next: None, late: 0 };
    let (chain, _) = Chain::default().follow(&NUMBERED, &page(&one)).unwrap();
    let (chain, _) = chain.follow(&NUMBERED, &page(&two)).unwrap();
    let resumed = chain.clone().resumed(Paging::Number);
    assert_eq!((chain.next_number(), resumed.next_number(), resumed.rereads()), (3, 2, true));
    let (again, step) = resumed.follow(&NUMBERED, &page(&two)).unwrap();
    assert_eq!((again.next_number(), step, again.rows(), again.pages()), (3, Step::More, 6, 2), "it counts once");
    // Whoever may ask once before each wait gets on.
    assert!(!again.clone().resumed(Paging::Number).rereads());
    let (next, _) = again.follow(&NUMBERED, &page(&three)).unwrap();
    assert!(next.resumed(Paging::Number).rereads());
    // Row 2 is gone, and one came at the end: the total says nothing.
    let moved = resumed.follow(&NUMBERED, &page(&keys([5, 6, 7]))).unwrap_err();
    assert_eq!(moved, Refusal::Moved { page: 2 });
    assert!(!Chain::default().resumed(Paging::Number).rereads() && !chain.resumed(Paging::Token).rereads());
}

#[test]
fn a_circle_of_any_length_is_seen_and_a_list_has_an_end() {
    for length in [1_u32, 2, 7, 8, 9, 100, 1_000] {
        let mut chain = Chain::default();
        let refused = (0..4 * length + 4).find_map(|page| {
            let token = (page % length).to_string();
            let keys = keys([page, page + 1_000_000]);
            let page = Page { keys: &keys, again: 0, total: None, next: Some(&token), late: 0 };
            let followed = chain.follow(&TOKENS, &page);
            followed.map(|(next, _)| chain = next).err()
        });
        assert!(matches!(refused, Some(Refusal::RepeatedToken { .. })), "{length}: {refused:?}");
    }
    let chain = Chain { pages: PAGES_MAX, ..Chain::default() };
    let keys = keys([1]);
    let refused = chain.follow(&TOKENS, &Page { keys: &keys, again: 0, total: None, next: Some("a"), late: 0 });
    assert_eq!(refused.unwrap_err(), Refusal::TooManyPages);
}

/// What a vendor gets wrong.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    Nothing,
    /// From this page on it sends the one before again.
    Repeats(usize),
    /// This page lacks its last row.
    Cut(usize),
    /// After this page there is none.
    Ends(usize),
}

proptest! {
    /// I4: whatever a vendor gets wrong, a list that lacks a row is not taken for the whole one.
    #[test]
    fn what_is_proven_whole_lacks_nothing(
        count in 0u32..40,
        by_number: bool,
        all_full: bool,
        says_total: bool,
        wrong in prop_oneof![
            Just(Wrong::Nothing),
            (0usize..8).prop_map(Wrong::Repeats),
            (0usize..8).prop_map(Wrong::Cut),
            (0usize..8).prop_map(Wrong::Ends),
        ],
    ) {
        let promise =
            Promise { paging: if by_number { Paging::Number } else { Paging::Token }, page_size: 5, all_full };
        let total = says_total.then_some(u64::from(count));
        let all: Vec<Vec<u32>> = (0..count).collect::<Vec<_>>().chunks(5).map(<[u32]>::to_vec).collect();
        let (mut chain, mut came) = (Chain::default(), BTreeSet::new());
        let end = loop {
            let page = chain.pages() as usize;
            let shown = match wrong {
                Wrong::Repeats(from) if page > from => from,
                _ => page,
            };
            let mut rows = all.get(shown).cloned().unwrap_or_default();
            if matches!(wrong, Wrong::Cut(cut) if cut == page) {
                rows.pop();
            }
            let ends = matches!(wrong, Wrong::Ends(last) if page >= last);
            let token = page.to_string();
            let next = (!by_number && !ends && page + 1 < all.len()).then_some(token.as_str());
            if by_number && matches!(wrong, Wrong::Ends(last) if page > last) {
                rows.clear();
            }
            let again = rows.iter().filter(|row| !came.insert(**row)).count();
            let keys = keys(rows);
            match chain.follow(&promise, &Page { keys: &keys, again, total, next, late: 0 }) {
                Ok((next, Step::More)) => chain = next,
                Ok((_, Step::End(proof))) => break Some(proof),
                Err(_) => break None,
            }
        };
        let is_whole = came.len() == count as usize;
        // Without a total a list of tokens that ends early, or lacks a row, says so by nothing.
        let could_know = by_number || says_total;
        if could_know && !is_whole {
            prop_assert!(!matches!(end, Some(Proof::Whole | Proof::Confirm)), "{:?} after {:?}", end, came);
        }
        if matches!(wrong, Wrong::Nothing) {
            prop_assert!(end.is_some());
        }
    }
}
