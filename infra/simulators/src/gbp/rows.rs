//! What Google lists: locations of accounts, and categories. Ids have the shape of Google's; the rest is made up.

use serde_json::{Value, json};

use crate::rows::{Entity, Facts};

pub(crate) const LOCATIONS: &str = "locations";
pub(crate) const CATEGORIES: &str = "categories";

pub(crate) const ENTITIES: &[Entity] =
    &[Entity { name: LOCATIONS, share: 1, row: location }, Entity { name: CATEGORIES, share: 99, row: category }];

/// The first location's number: locations have numbers, as at Google.
const FIRST_LOCATION: u64 = 1_001;
/// How many categories a location begins with, at most.
const FIRST_CATEGORIES: u64 = 4;

const STREETS: &[&str] = &["Harbour", "Market", "Station", "Mill", "Church", "Park", "Bridge", "Castle"];
const NAMES: &[&str] = &[
    "hardware_store",
    "bakery",
    "coffee_shop",
    "florist",
    "optician",
    "shoe_store",
    "book_store",
    "toy_store",
    "pharmacy",
    "bicycle_shop",
    "furniture_store",
    "garden_center",
    "hair_salon",
    "jewelry_store",
    "pet_store",
    "sporting_goods_store",
    "stationery_store",
    "wine_store",
    "butcher_shop",
    "car_repair",
    "dentist",
    "electronics_store",
    "gift_shop",
    "music_store",
    "paint_store",
];

/// The name of a location.
pub(crate) fn location_name(index: u64) -> String {
    format!("locations/{}", FIRST_LOCATION + index)
}

/// The number of the location with this name, whether there is one or not.
pub(crate) fn location_index(name: &str) -> Option<u64> {
    name.strip_prefix("locations/")?.parse::<u64>().ok()?.checked_sub(FIRST_LOCATION)
}

/// The name of a category.
pub(crate) fn category_name(index: u64) -> String {
    let (series, name) = part(index);
    if series == 0 { format!("categories/gcid:{name}") } else { format!("categories/gcid:{name}_{series}") }
}

fn part(index: u64) -> (u64, &'static str) {
    let count = NAMES.len() as u64;
    let place = usize::try_from(index % count).unwrap_or_default();
    (index / count, NAMES.get(place).copied().unwrap_or_default())
}

/// The number of the category with this name, whether there is one or not.
pub(crate) fn category_index(name: &str) -> Option<u64> {
    let name = name.strip_prefix("categories/gcid:")?;
    let place = |name: &str| NAMES.iter().position(|known| *known == name).map(|place| place as u64);
    let count = NAMES.len() as u64;
    place(name).or_else(|| {
        let (name, series) = name.rsplit_once('_')?;
        let series = series.parse::<u64>().ok().filter(|series| *series > 0)?;
        series.checked_mul(count)?.checked_add(place(name)?)
    })
}

/// The categories that a location begins with, of so many that there are: the first is the primary one.
pub(crate) fn first_categories(index: u64, count: u64) -> Vec<u64> {
    let wanted = (1 + index % FIRST_CATEGORIES).min(count);
    (0..wanted).map(|nth| (index + nth) % count.max(1)).collect()
}

/// Its name in a language, which only the words of English are made up for.
pub(crate) fn display_name(index: u64, language: &str) -> String {
    let (series, name) = part(index);
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if series > 0 {
        words = format!("{words} {series}");
    }
    if language.starts_with("en") { words } else { format!("{words} [{language}]") }
}

fn location(facts: &Facts<'_>) -> Value {
    let street = facts.dice().choice(STREETS.iter()).copied().unwrap_or_default();
    json!({"name": location_name(facts.index), "title": format!("{street} Street {}", facts.index + 1)})
}

fn category(facts: &Facts<'_>) -> Value {
    json!({"name": category_name(facts.index), "displayName": display_name(facts.index, "en")})
}
