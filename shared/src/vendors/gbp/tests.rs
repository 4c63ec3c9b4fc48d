use serde_json::{Value, json};

use super::*;
use crate::domain::mirror::categories::GoogleCategoryId;
use crate::domain::secret::Secret;

fn settings(more: Value) -> Result<GbpSettings, String> {
    let mut all = json!({"account": "accounts/1", "clientId": "a-client"});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let connection = "acme/gbp/main".parse().unwrap();
    let checked = PROVIDER.checked(&connection, all.as_object().unwrap());
    let checked = checked.map_err(|wrong| wrong.into_iter().map(|one| one.name).collect::<Vec<_>>().join(","))?;
    Ok(read(&checked).unwrap())
}

#[test]
fn settings_are_those_of_google_unless_they_say_otherwise() {
    let found = settings(json!({})).unwrap();
    assert_eq!(found.base_url.as_str(), "https://mybusinessbusinessinformation.googleapis.com/v1");
    assert_eq!((found.token_url.as_str(), found.additional_max), (TOKEN_URL, 9));
    assert_eq!((found.region.as_str(), found.language.as_str(), found.locations.len()), ("US", "en", 0));
    let found = settings(json!({"locations": ["locations/2", "locations/1", "locations/2"], "regionCode": "dk",
        "languageCode": "pt-BR", "additionalCategoriesMax": 3, "baseUrl": "http://127.0.0.1:9/v1"}));
    let found = found.unwrap();
    assert_eq!(found.locations.iter().map(LocationName::as_str).collect::<Vec<_>>(), ["locations/1", "locations/2"]);
    assert_eq!((found.region.as_str(), found.additional_max), ("DK", 3));
    for (wrong, name) in [
        (json!({"account": "1"}), "account"),
        (json!({"account": "accounts/-"}), "account"),
        (json!({"account": "accounts/1/locations"}), "account"),
        (json!({"locations": ["locations/../accounts"]}), "locations"),
        (json!({"locations": vec!["locations/1"; 101]}), "locations"),
        (json!({"clientId": "a client"}), "clientId"),
        (json!({"regionCode": "Denmark"}), "regionCode"),
        (json!({"languageCode": "da_DK"}), "languageCode"),
        (json!({"tokenUrl": "https://a.example?x=1"}), "tokenUrl"),
        (json!({"editsPerMinute": 0}), "editsPerMinute"),
    ] {
        assert_eq!(settings(wrong.clone()).unwrap_err(), name, "{wrong}");
    }
}

#[test]
fn an_edit_sets_the_whole_set_and_says_so() {
    let settings = settings(json!({})).unwrap();
    let (name, primary) = ("locations/7".parse().unwrap(), GoogleCategoryId::parse("gcid:a").unwrap());
    let edit = set_categories(&settings.base_url, &name, (&primary, &[]), true);
    assert_eq!((edit.method.as_str(), edit.url.path()), ("PATCH", "/v1/locations/7"));
    assert_eq!(edit.url.query(), Some("updateMask=categories&validateOnly=true"));
    let body: Value = serde_json::from_slice(&edit.body.unwrap()).unwrap();
    let both = json!({"primaryCategory": {"name": "categories/gcid:a"}, "additionalCategories": []});
    assert_eq!(body, json!({"categories": both}));
    let edit =
        set_categories(&settings.base_url, &name, (&primary, &[GoogleCategoryId::parse("gcid:b").unwrap()]), false);
    assert_eq!(edit.url.query(), Some("updateMask=categories"));
}

#[test]
fn a_page_of_locations_is_read_or_said_to_be_none() {
    let page = json!({"locations": [{"name": "locations/1", "title": "North", "metadata": {"hasPendingEdits": true},
        "categories": {"primaryCategory": {"name": "categories/gcid:a", "displayName": "A"},
            "additionalCategories": [{"name": "categories/gcid:b"}]}},
        {"name": "locations/2"}], "nextPageToken": "t", "totalSize": 2});
    let page = read_locations(page.to_string().as_bytes()).unwrap();
    let first = &page.rows[0];
    assert_eq!((first.title.as_str(), first.has_pending_edits, first.has_google_updated), ("North", true, false));
    assert_eq!(first.primary.as_ref().map(|category| category.name.as_str()), Some("A"));
    assert_eq!((first.additional[0].name.as_str(), page.next.as_deref()), ("gcid:b", Some("t")));
    assert_eq!(page.rows[1].primary, None);
    for wrong in [
        "<html>",
        "[]",
        "null",
        r#"{"locations": {}}"#,
        r#"{"locations": [{"title": "x"}]}"#,
        r#"{"locations": [{"name": "accounts/1"}]}"#,
        r#"{"locations": [{"name": "locations/1", "categories": {"additionalCategories": [{"name": "categories/gcid:b"}]}}]}"#,
        r#"{"locations": [{"name": "locations/1", "categories": {"primaryCategory": {"name": "categories/b"}}}]}"#,
    ] {
        let error = read_locations(wrong.as_bytes()).map(|page| page.rows.len());
        assert!(error.as_ref().is_err_and(|why| !why.contains("gcid:b\"")), "{wrong}: {error:?}");
    }
}

#[test]
fn a_list_is_whole_or_an_error() {
    let follow = |all: &[(&[&str], Option<u64>, Option<&str>)]| {
        let mut pages = pages();
        let mut last = Ok(false);
        for (names, total, next) in all {
            last = pages.follow(names.iter().copied(), *total, *next).map(|(_, is_last)| is_last);
            if last.is_err() {
                break;
            }
        }
        last.map_err(|refusal| refusal.to_string())
    };
    for (all, fine) in [
        (&[(&["a", "b"][..], Some(3), Some("t")), (&["c"], Some(3), None)][..], Ok(true)),
        (&[(&["a"], None, Some("t"))], Ok(false)),
        (&[(&["a"], None, Some("t")), (&["b"], None, None)], Ok(true)),
        (&[(&[], None, None)], Err("has 0 rows")),
        (&[(&["a"], None, Some("t")), (&[], None, None)], Err("has 0 rows")),
        (&[(&["a"], Some(2), None)], Err("ended after 1")),
        (&[(&["a", "b"], Some(1), None)], Err("the total is wrong")),
        (&[(&["a"], Some(3), Some("t")), (&["b"], Some(2), Some("u"))], Err("had 3 rows and then 2")),
        (&[(&["a"], None, Some("t")), (&["b"], None, Some("t"))], Err("leads on to a page")),
        (&[(&["a"], None, Some("t")), (&["a"], None, Some("u"))], Err("same rows")),
    ] {
        let found = follow(all);
        let is_so = match (&found, fine) {
            (Err(why), Err(part)) => why.contains(part),
            (found, fine) => found.as_ref().ok() == fine.as_ref().ok(),
        };
        assert!(is_so, "{all:?}: {found:?}");
    }
}

#[test]
fn a_secret_is_two_words_and_goes_into_a_form_alone() {
    let credentials = Credentials::read(&Secret::new(" client-secret  1//refresh+token ")).unwrap();
    let asked = refresh(&TOKEN_URL.parse().unwrap(), "id&x", &credentials);
    assert!(asked.url.query().is_none() && asked.body.is_none() && asked.secrets.is_empty());
    let form = asked.form.as_ref().unwrap();
    let text = String::from_utf8_lossy(form.expose()).into_owned();
    assert!(
        text.ends_with("client_id=id%26x&client_secret=client-secret&refresh_token=1%2F%2Frefresh%2Btoken"),
        "{text}"
    );
    assert!(!format!("{asked:?}").contains("refresh_token"), "nothing prints it");
    for wrong in ["", "one", "one two three"] {
        assert!(Credentials::read(&Secret::new(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn what_the_token_endpoint_answers_comes_to_a_token_or_a_reason() {
    let found = granted("h", 200, br#"{"access_token": "t", "expires_in": 3599, "token_type": "Bearer"}"#).unwrap();
    assert_eq!((found.token.expose(), found.seconds), (&b"t"[..], 3599));
    let of = |status: u16, body: &str| granted("h", status, body.as_bytes()).unwrap_err();
    let revoked = of(400, r#"{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}"#);
    assert!(matches!(&revoked, Refused::Revoked(why) if why.contains("expired or revoked")), "{revoked:?}");
    assert!(matches!(of(401, r#"{"error": "invalid_client"}"#), Refused::Client(_)));
    for (status, body) in [(200, "<html>"), (200, "{}"), (200, r#"{"access_token": "a b"}"#), (404, "no")] {
        assert!(matches!(of(status, body), Refused::Strange(_)), "{status} {body}");
    }
}
