//! Whatever a page links to is there: the page, and the heading.

use std::collections::{BTreeMap, BTreeSet};

use super::workspace::{expect_none, files, root, text};

/// The anchors of a page, as GitHub makes them of its headings.
pub(super) fn anchors(page: &str) -> BTreeSet<String> {
    let text = text(page).expect("a page is text");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for heading in prose(&text).filter(|line| line.starts_with('#')) {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        let slug: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect();
        let before = seen.entry(slug.clone()).or_default();
        anchors.insert(if *before == 0 { slug } else { format!("{slug}-{before}") });
        *before += 1;
    }
    anchors
}

/// The lines outside blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Where the links of a page lead to.
fn links(text: &str) -> Vec<String> {
    let behind = prose(text).flat_map(|line| line.split("](").skip(1));
    behind.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link.to_owned()).collect()
}

/// The page that a link of another one names.
fn page_of(page: &str, path: &str) -> String {
    if path.is_empty() {
        return page.to_owned();
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn docs_and_runbook_anchors_exist() {
    let mut problems = Vec::new();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for page in files().iter().filter(|file| file.ends_with(".md")) {
        for link in links(&text(page).expect("a page is text")) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = page_of(page, path);
            if !root().join(&target).exists() {
                problems.push(format!("{page}: there is no {link}"));
            } else if !anchor.is_empty()
                && target.ends_with(".md")
                && !known.entry(target.clone()).or_insert_with(|| anchors(&target)).contains(anchor)
            {
                problems.push(format!("{page}: {target} has no heading of #{anchor}"));
            }
        }
    }
    expect_none(&problems, "Correct the link, or give the page the heading that it names.");
}
