use proptest::prelude::*;

use super::*;

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn row(enabled: bool, allow: Option<bool>, over: Option<bool>, percentage: u8, pilots: &[&str]) -> Row {
    let rollout = Rollout { percentage, pilots: pilots.iter().map(|name| tenant(name)).collect() };
    Row { enabled, allow_override: allow, platform_override: over, rollout }
}

#[test]
fn flags_are_read_by_the_names_that_they_have() {
    for flag in Flag::ALL {
        assert_eq!(Flag::parse(flag.as_str()), Some(flag));
        assert!(flag.as_str().starts_with("FF_") && !flag.as_str().starts_with("FF_FF_"));
    }
    assert_eq!(Flag::parse("ff_category_mirroring"), None);
}

#[test]
fn what_decides_for_the_platform() {
    for (environment, enabled, over, on, source) in [
        (false, false, None, false, "off"),
        (false, true, None, true, "platform_db"),
        (false, true, Some(false), false, "override"),
        (false, false, Some(true), true, "override"),
        (true, false, None, true, "env"),
        (true, true, Some(false), true, "env"),
    ] {
        let found = of_platform(environment, &row(enabled, None, over, 100, &["acme"]));
        assert_eq!((found.on, found.source.as_str()), (on, source), "{environment} {enabled} {over:?}");
    }
}

#[test]
fn what_decides_for_a_tenant() {
    let off = |allow, percentage, pilots| row(false, allow, None, percentage, pilots);
    for (flag, environment, stored, overridden, on, source) in [
        // The route's flag is the platform's alone.
        (Flag::CategoryMirroring, false, off(None, 0, &[]), None, false, "blocked"),
        (Flag::CategoryMirroring, false, off(None, 100, &["acme"]), Some(true), false, "blocked"),
        (Flag::CategoryMirroring, true, off(None, 0, &[]), Some(false), true, "env"),
        (Flag::CategoryMirroring, false, row(true, None, None, 0, &[]), None, true, "platform_db"),
        (Flag::CategoryMirroring, false, off(Some(true), 0, &["acme"]), None, true, "tenant_db"),
        // The others are the tenants' as well.
        (Flag::TenantPlatformCategory, false, off(None, 0, &[]), None, false, "off"),
        (Flag::TenantPlatformCategory, false, off(None, 0, &["acme"]), None, true, "tenant_db"),
        (Flag::TenantPlatformCategory, false, off(None, 0, &["bolt"]), None, false, "off"),
        (Flag::TenantPlatformCategory, false, off(None, 100, &[]), None, true, "tenant_db"),
        (Flag::TenantPlatformCategory, false, off(None, 100, &["acme"]), Some(false), false, "tenant_override"),
        (Flag::TenantPlatformCategory, false, off(None, 0, &[]), Some(true), true, "tenant_override"),
        (Flag::TenantPlatformCategory, false, off(Some(false), 100, &[]), None, false, "blocked"),
        (Flag::TenantPlatformCategory, true, off(None, 0, &[]), None, true, "env"),
        (Flag::TenantPlatformCategory, true, off(None, 0, &[]), Some(false), false, "tenant_override"),
        // Off for the platform by hand stops a rollout, and no tenant's own override.
        (Flag::TenantGbpCategorySync, false, row(true, None, Some(false), 100, &["acme"]), None, false, "override"),
        (Flag::TenantGbpCategorySync, false, row(true, None, Some(false), 0, &[]), Some(true), true, "tenant_override"),
    ] {
        let found = of_tenant(flag, environment, &stored, (&tenant("acme"), overridden));
        assert_eq!((found.on, found.source.as_str()), (on, source), "{flag:?} {environment} {stored:?} {overridden:?}");
    }
}

#[test]
fn a_percentage_is_about_that_share_and_another_one_for_each_flag() {
    let tenants: Vec<TenantId> = (0..2_000).map(|number| tenant(&format!("tenant-{number}"))).collect();
    let rollout = Rollout { percentage: 25, pilots: BTreeSet::new() };
    let reached = |flag| -> BTreeSet<&TenantId> {
        tenants.iter().filter(|tenant| rollout.reaches(flag, tenant).is_some()).collect()
    };
    let [first, second] = [Flag::TenantPlatformCategory, Flag::TenantGbpCategorySync].map(reached);
    assert!((400..600).contains(&first.len()) && (400..600).contains(&second.len()));
    assert!(first.intersection(&second).count() < 200);
}

#[test]
fn what_a_younger_version_stores_is_kept() {
    let stored = r#"{"flags": {"FF_NEW": {"enabled": true, "more": 1}}, "version": 3}"#;
    let read: PlatformFlags = serde_json::from_str(stored).unwrap();
    assert!(read.flags.contains_key("FF_NEW") && read.row(Flag::CategoryMirroring) == Row::default());
}

proptest! {
    /// The order is not the machine's, nor the day's: who is in is in for good.
    #[test]
    fn a_higher_percentage_drops_no_tenant(name in "[a-z0-9-]{1,64}", low in 0_u8..=100, high in 0_u8..=100) {
        let (low, high) = (low.min(high), low.max(high));
        let tenant = tenant(&name);
        for flag in Flag::ALL {
            let reached = |percentage| Rollout { percentage, pilots: BTreeSet::new() }.reaches(flag, &tenant);
            prop_assert!(reached(low).is_none() || reached(high).is_some());
            prop_assert!(reached(0).is_none() && reached(100).is_some());
        }
    }
}
