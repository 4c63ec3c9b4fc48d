//! Who asks for flags and categories, and what is left of both.

use serde_json::{Value, json};
use signalbox_tests::answer::Answer;
use signalbox_tests::items::Item;
use signalbox_tests::system::System;

pub(super) const CATEGORIES: &str = "FF_TENANT_PLATFORM_CATEGORY";

/// Asks the host.
pub(super) async fn ask(system: &System, token: &str, (method, path): (&str, &str), body: Value) -> Answer {
    let asked = system.request(method, path).bearer(token);
    let asked = if body.is_null() { asked } else { asked.body(body.to_string()) };
    asked.answer().await
}

/// An administrator of the platform.
pub(super) fn platform(system: &System) -> String {
    system.user_token("PLATFORM_ADMIN", &[], &[])
}

/// An administrator of a tenant.
pub(super) fn admin(system: &System, tenant: &str) -> String {
    system.user_token("TENANT_ADMIN", &[tenant], &[])
}

/// A system whose tenants have categories.
pub(super) async fn with_categories() -> System {
    let system = System::start().await;
    turn(&system, CATEGORIES, json!(true)).await;
    system
}

/// Overrides a flag for the platform.
pub(super) async fn turn(system: &System, flag: &str, value: Value) {
    let path = format!("/api/admin/flags/override/platform/{flag}");
    ask(system, &platform(system), ("POST", &path), json!({"value": value})).await.expect(200);
}

/// The path of a tenant's categories, and what is behind it.
pub(super) fn of(tenant: &str, rest: &str) -> String {
    format!("/api/v1/tenants/{tenant}/categories{rest}")
}

/// What is stored of a tenant's categories: the categories, the claims of slugs with their holders, and the tree.
pub(super) struct Stored {
    pub(super) categories: Vec<Item>,
    claims: Vec<(String, String)>,
    tree: Option<Item>,
}

impl Stored {
    pub(super) async fn of(system: &System, tenant: &str) -> Self {
        let items = system.items("CONTROL_TABLE", &format!("{tenant}#categories")).await;
        let text = |item: &Item, name: &str| item[name].as_str().unwrap().to_owned();
        let mut stored = Self { categories: Vec::new(), claims: Vec::new(), tree: None };
        for item in items {
            let sk = text(&item, "sk");
            match sk.split_once('#') {
                Some(("category", _)) => stored.categories.push(item),
                Some((_, slug)) => stored.claims.push((slug.to_owned(), text(&item, "category"))),
                None => stored.tree = Some(item),
            }
        }
        stored
    }

    /// That each category has its claim and no other is left, that the counts are those of the categories, and that nothing is below
    /// itself or below what was deleted.
    pub(super) fn check(&self) {
        let text = |item: &Item, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let holds = |item: &Item| (text(item, "slug").unwrap(), text(item, "id").unwrap());
        let mut slugs: Vec<_> = self.categories.iter().map(holds).collect();
        slugs.sort();
        assert_eq!(slugs, self.claims);
        let active: Vec<&Item> = self.categories.iter().filter(|item| item["isActive"] == true).collect();
        let mapped = active.iter().filter(|item| item.contains_key("googleCategoryId")).count();
        let counted = [active.len(), mapped, self.categories.len() - active.len()].map(|count| count.to_string());
        let zero = || ["0", "0", "0"].map(str::to_owned);
        let told = self
            .tree
            .as_ref()
            .map_or_else(zero, |tree| ["total", "mapped", "inactive"].map(|name| text(tree, name).unwrap()));
        assert_eq!(told, counted);
        for item in &active {
            let mut above = text(item, "parentId");
            for _ in 0..8 {
                let Some(id) = above else { break };
                let parent = active.iter().find(|item| text(item, "id").as_ref() == Some(&id));
                above = text(parent.expect("what a category is below is there"), "parentId");
            }
            assert_eq!(above, None, "nothing is below itself");
        }
    }
}

/// What a tenant's record says of an action, the newest first.
pub(super) async fn recorded(system: &System, tenant: &str, action: &str) -> Vec<Value> {
    let path = format!("/api/admin/audit?action={action}&limit=200&tenant={tenant}");
    let page = ask(system, &platform(system), ("GET", &path), Value::Null).await.expect(200);
    page["items"].as_array().unwrap().clone()
}
