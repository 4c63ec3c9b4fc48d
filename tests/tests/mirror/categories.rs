//! Tenants' categories, over the local host.

use serde_json::{Value, json};
use signalbox_tests::answer::Answer;
use signalbox_tests::system::System;

use super::asks::{CATEGORIES, Stored, admin, ask, of, platform, recorded, turn, with_categories};

async fn post(system: &System, tenant: &str, body: Value) -> Answer {
    ask(system, &admin(system, tenant), ("POST", &of(tenant, "")), body).await
}

async fn put(system: &System, tenant: &str, id: &str, body: Value) -> Answer {
    ask(system, &admin(system, tenant), ("PUT", &of(tenant, &format!("/{id}"))), body).await
}

async fn get(system: &System, tenant: &str, path: &str) -> Value {
    ask(system, &admin(system, tenant), ("GET", path), Value::Null).await.expect(200)
}

/// Makes a category of this slug: its id.
async fn make(system: &System, tenant: &str, slug: &str, more: Value) -> String {
    let mut body = json!({"name": slug, "slug": slug});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let made = post(system, tenant, body).await.expect(201);
    made["data"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_category_is_made_changed_deleted_and_restored_and_each_is_on_record() {
    let system = with_categories().await;
    let parent = make(&system, "acme", "clothes", json!({})).await;
    let body = json!({"name": " Shoes ", "slug": "shoes", "parentId": parent, "googleCategoryId": "categories/gcid:shoe_store", "sortOrder": 3});
    let made = post(&system, "acme", body).await.expect(201);
    let data = &made["data"];
    let id = data["id"].as_str().unwrap();
    let expected = json!({
        "id": id, "tenantId": "acme", "name": "Shoes", "slug": "shoes", "parentId": parent, "googleCategoryId": "gcid:shoe_store",
        "isActive": true, "sortOrder": 3, "createdAt": data["createdAt"], "updatedAt": data["updatedAt"], "version": 1,
    });
    assert_eq!(made, json!({"success": true, "data": expected}));
    let changed = put(&system, "acme", id, json!({"slug": "footwear", "parentId": null})).await.expect(200);
    assert_eq!(
        (&changed["data"]["slug"], &changed["data"]["parentId"], &changed["data"]["version"]),
        (&json!("footwear"), &Value::Null, &json!(2))
    );
    // The slug that was given up is free.
    make(&system, "acme", "shoes", json!({})).await;
    let shop = get(&system, "acme", "/api/tenant/acme/categories").await;
    let slugs: Vec<&str> = shop["data"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["clothes", "footwear", "shoes"]);
    assert_eq!(
        shop["data"][1],
        json!({"id": id, "name": "Shoes", "slug": "footwear", "parentId": null, "googleCategoryId": "gcid:shoe_store"})
    );
    let align = async |google: Value| {
        let path = of("acme", &format!("/{id}/align"));
        ask(&system, &admin(&system, "acme"), ("POST", &path), json!({"googleCategoryId": google})).await
    };
    assert_eq!(align(json!("gcid:boots")).await.expect(200)["data"]["googleCategoryId"], "gcid:boots");
    assert_eq!(align(json!(null)).await.expect(200)["data"]["googleCategoryId"], Value::Null);
    assert_eq!(align(json!("boots")).await.status, 400);
    let path = of("acme", &format!("/{id}"));
    ask(&system, &admin(&system, "acme"), ("DELETE", &path), Value::Null).await.expect(200);
    assert_eq!(put(&system, "acme", id, json!({"name": "x"})).await.status, 404);
    let taken = post(&system, "acme", json!({"name": "x", "slug": "footwear"})).await;
    assert_eq!(
        (taken.status, &taken.body["error"], &taken.body["categoryId"]),
        (409, &json!("duplicate_slug"), &json!(id))
    );
    assert_eq!(put(&system, "acme", id, json!({"isActive": true})).await.expect(200)["data"]["isActive"], true);
    let actions = recorded(&system, "acme", "category").await;
    let of_this = actions.iter().filter(|one| one["target"] == format!("{id} of acme"));
    let of_this: Vec<&str> = of_this.map(|one| one["action"].as_str().unwrap()).collect();
    let deletions = of_this.iter().filter(|action| **action == "category.delete").count();
    assert_eq!((of_this.len(), deletions), (6, 1), "{of_this:?}");
    Stored::of(&system, "acme").await.check();
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_all_that_is_wrong_is_told() {
    let system = with_categories().await;
    let parent = make(&system, "acme", "clothes", json!({})).await;
    let child = make(&system, "acme", "shoes", json!({"parentId": parent})).await;
    let nobody = "018bcfe5-6800-7000-8000-000000000000";
    for (body, status, error, fields) in [
        (json!({}), 400, "Validation error", &["name", "slug"][..]),
        (
            json!({"name": "", "slug": "A b", "sortOrder": -1, "parentId": "x", "googleCategoryId": 7}),
            400,
            "Validation error",
            &["googleCategoryId", "name", "parentId", "slug", "sortOrder"],
        ),
        (json!({"name": "x".repeat(101), "slug": "x"}), 400, "Validation error", &["name"]),
        (json!({"name": "x", "slug": "x", "title": "x"}), 400, "Validation error", &["title"]),
        (json!({"name": "x", "slug": "shoes"}), 409, "duplicate_slug", &[]),
        (json!({"name": "x", "slug": "x", "parentId": nobody}), 404, "not_found", &[]),
    ] {
        let answer = post(&system, "acme", body.clone()).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (status, Some(error)), "{body}: {}", answer.text);
        let told = answer.body["details"].as_array().into_iter().flatten().map(|one| one["path"][0].as_str().unwrap());
        assert_eq!(told.collect::<Vec<_>>(), fields, "{body}");
    }
    for (id, body, status, error) in [
        (&*parent, json!({"parentId": child}), 400, "Validation error"),
        (&*parent, json!({"parentId": parent}), 400, "Validation error"),
        (&*parent, json!({"isActive": false}), 400, "category_has_children"),
        (&*child, json!({"slug": "clothes"}), 409, "duplicate_slug"),
        (&*child, json!({"name": null}), 400, "Validation error"),
        (&*child, json!({}), 400, "Validation error"),
        (nobody, json!({"name": "x"}), 404, "not_found"),
        ("x", json!({"name": "x"}), 404, "not_found"),
    ] {
        let answer = put(&system, "acme", id, body.clone()).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (status, Some(error)), "{body}: {}", answer.text);
    }
    let path = of("acme", &format!("/{parent}"));
    let answer = ask(&system, &admin(&system, "acme"), ("DELETE", &path), Value::Null).await;
    assert_eq!((answer.status, &answer.body["childCount"]), (400, &json!(1)));
    for query in ["?limit=51", "?cursor=x", "?parentId=x", "?mapped=maybe", "?map=true"] {
        let answer = ask(&system, &admin(&system, "acme"), ("GET", &of("acme", query)), Value::Null).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (400, Some("Validation error")), "{query}");
    }
    // Nothing of it was changed, or is on record.
    assert_eq!(recorded(&system, "acme", "category").await.len(), 2);
}

#[tokio::test]
async fn a_list_loses_no_row_between_its_pages_and_its_figures_are_of_all() {
    let system = with_categories().await;
    for number in 0..7 {
        let more = if number < 2 { json!({"googleCategoryId": format!("gcid:c_{number}")}) } else { json!({}) };
        make(&system, "acme", &format!("c-{number}"), more).await;
    }
    let gone = make(&system, "acme", "gone", json!({})).await;
    put(&system, "acme", &gone, json!({"isActive": false})).await.expect(200);
    for (filter, expected) in [
        ("", 7),
        ("&mapped=true", 2),
        ("&mapped=false", 5),
        ("&includeInactive=true", 8),
        ("&search=C-", 7),
        ("&search=c-3", 1),
        ("&parentId=null", 7),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&system, "acme", &of("acme", &format!("?limit=2{filter}{cursor}"))).await;
            let ids = page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
            seen.extend(ids);
            assert_eq!(page["stats"], json!({"total": 7, "mapped": 2, "unmapped": 5, "mappingCoverage": 28.5}));
            match page["nextCursor"].as_str() {
                Some(next) => {
                    assert_eq!(Some(next), seen.last().map(String::as_str), "a cursor is the last that was shown");
                    cursor = format!("&cursor={next}");
                }
                None => break,
            }
        }
        assert!(seen.is_sorted() && seen.len() == expected, "{filter}: {seen:?}");
    }
    let unmapped = get(&system, "acme", &of("acme", "-unmapped")).await;
    assert_eq!(unmapped["data"].as_array().map(Vec::len), Some(5));
    let status = get(&system, "acme", &of("acme", "-alignment-status")).await;
    let expected = json!({"total": 7, "mapped": 2, "unmapped": 5, "mappingCoverage": 28.5, "isCompliant": false});
    assert_eq!(status, json!({"success": true, "data": expected}));
}

#[tokio::test]
async fn a_tenant_sees_and_changes_nothing_of_another() {
    let system = with_categories().await;
    let id = make(&system, "acme", "shoes", json!({})).await;
    let reader = system.user_token("USER", &["acme"], &[]);
    let bound = system.user_token("BRAND_USER", &["acme"], &["north"]);
    let (ours, theirs) = (admin(&system, "acme"), admin(&system, "bolt"));
    let one = of("acme", &format!("/{id}"));
    let (list, align) = (of("acme", ""), format!("{one}/align"));
    let lists =
        [list.clone(), of("acme", "-unmapped"), of("acme", "-alignment-status"), "/api/tenant/acme/categories".into()];
    let changes = [("POST", &list), ("PUT", &one), ("DELETE", &one), ("POST", &align)];
    for (token, reads, writes) in [(&theirs, 403, 403), (&reader, 200, 403), (&bound, 403, 403)] {
        for path in &lists {
            assert_eq!(ask(&system, token, ("GET", path), Value::Null).await.status, reads, "{path}");
        }
        for (method, path) in changes {
            let answer = ask(&system, token, (method, path), json!({"name": "x", "slug": "x"})).await;
            assert_eq!((answer.status, answer.body.get("success")), (writes, None), "{method} {path}");
        }
    }
    for path in &lists {
        assert_eq!(system.get(path).header("x-auth0-id", "maja").answer().await.status, 401, "{path}");
    }
    for (method, path) in changes {
        assert_eq!(system.request(method, path).body("{}").answer().await.status, 401, "{method} {path}");
    }
    // Another tenant's id is nobody's, and its slug is free.
    assert_eq!(put(&system, "bolt", &id, json!({"name": "x"})).await.status, 404);
    make(&system, "bolt", "shoes", json!({})).await;
    assert_eq!(post(&system, "bolt", json!({"name": "x", "slug": "x", "parentId": id})).await.status, 404);
    let answer = ask(&system, &ours, ("GET", &format!("{list}?tenantId=bolt")), Value::Null).await;
    assert_eq!(answer.status, 400, "a call names one tenant");
    let mine = get(&system, "acme", &list).await;
    assert_eq!((mine["data"].as_array().map(Vec::len), &mine["data"][0]["version"]), (Some(1), &json!(1)));
    // Whoever administers the platform enters any, and is on its record.
    ask(&system, &platform(&system), ("GET", &list), Value::Null).await.expect(200);
    let entered = recorded(&system, "acme", "tenant.enter").await;
    assert!(entered.iter().any(|one| one["target"] == format!("GET {list}")), "{entered:?}");
}

#[tokio::test]
async fn where_the_feature_is_off_nothing_is_told_or_changed() {
    let system = System::start().await;
    let path = format!("/api/admin/flags/override/tenant/bolt/{CATEGORIES}");
    ask(&system, &platform(&system), ("POST", &path), json!({"value": true})).await.expect(200);
    make(&system, "bolt", "shoes", json!({})).await;
    for (method, path, body) in [
        ("GET", of("acme", ""), Value::Null),
        ("GET", "/api/tenant/acme/categories".into(), Value::Null),
        ("GET", of("acme", "-alignment-status"), Value::Null),
        // Before anything is said of the body.
        ("POST", of("acme", ""), json!({})),
    ] {
        let answer = ask(&system, &admin(&system, "acme"), (method, &path), body).await;
        let told = (answer.status, &answer.body["success"], &answer.body["error"], &answer.body["flag"]);
        assert_eq!(told, (409, &json!(false), &json!("feature_disabled"), &json!(CATEGORIES)), "{path}");
    }
    turn(&system, CATEGORIES, json!(true)).await;
    make(&system, "acme", "shoes", json!({})).await;
}

#[tokio::test]
async fn of_those_who_make_one_slug_at_once_one_does_and_of_those_who_make_several_all_do() {
    let system = with_categories().await;
    let same = (0..8).map(|number| post(&system, "acme", json!({"name": number.to_string(), "slug": "shoes"})));
    let mut statuses: Vec<u16> = futures::future::join_all(same).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let several = (0..8).map(|number| post(&system, "acme", json!({"name": "x", "slug": format!("c-{number}")})));
    let answers = futures::future::join_all(several).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let stored = Stored::of(&system, "acme").await;
    assert_eq!(stored.categories.len(), 9);
    stored.check();
}

#[tokio::test]
async fn two_moves_that_are_right_by_themselves_make_no_cycle_together() {
    let system = with_categories().await;
    let one = make(&system, "acme", "one", json!({})).await;
    let other = make(&system, "acme", "other", json!({})).await;
    let (first, second) = futures::join!(
        put(&system, "acme", &one, json!({"parentId": other})),
        put(&system, "acme", &other, json!({"parentId": one})),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    Stored::of(&system, "acme").await.check();
}

#[tokio::test]
async fn who_knows_of_a_version_changes_that_one_or_nothing() {
    let system = with_categories().await;
    let id = make(&system, "acme", "shoes", json!({})).await;
    let path = of("acme", &format!("/{id}"));
    let with = async |method: &str, tag: &str, body: Value| {
        let asked = system.request(method, &path).bearer(&admin(&system, "acme")).header("if-match", tag);
        asked.body(body.to_string()).answer().await
    };
    let (one, other) =
        futures::join!(with("PUT", "\"1\"", json!({"name": "one"})), with("PUT", "\"1\"", json!({"name": "other"})),);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    let late = with("DELETE", "\"1\"", json!({})).await;
    assert_eq!(
        (late.status, &late.body["error"], &late.body["version"]),
        (412, &json!("precondition_failed"), &json!(2))
    );
    assert_eq!(with("PUT", "1", json!({"name": "x"})).await.status, 400);
    with("DELETE", "\"2\"", json!({})).await.expect(200);
}
