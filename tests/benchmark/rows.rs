//! Catalogues to sync.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::Result;

/// Writes a catalogue of rows of about 0.7 KB, one a line, the first `changed` of them in a second edition. Returns
/// the bytes of a row on average. Rows depend on their number alone, so two files differ in what changed only.
pub(crate) fn write(path: &Path, count: usize, changed: usize) -> Result<f64> {
    write_of(row, path, count, changed)
}

/// The same of rows of some 80 bytes, so that millions of them fit into a database in memory.
pub(crate) fn write_small(path: &Path, count: usize, changed: usize) -> Result<f64> {
    write_of(small_row, path, count, changed)
}

fn write_of(row: fn(usize, u32) -> Value, path: &Path, count: usize, changed: usize) -> Result<f64> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut bytes = 0;
    for number in 0..count {
        // Spread over the file and over the sorted ids, as real changes are.
        let edition = if number % (count / changed.max(1)).max(1) == 0 && changed > 0 { 2 } else { 1 };
        let text = row(number, edition).to_string();
        bytes += text.len() + 1;
        writeln!(file, "{text}")?;
    }
    file.flush()?;
    Ok(bytes as f64 / count as f64)
}

fn small_row(number: usize, edition: u32) -> Value {
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    json!({
        "catalogId": format!("sku-{:08x}-{number}", mixed >> 32),
        "price": 19_000 + (mixed >> 40) % 20_000,
        "inStock": !number.is_multiple_of(3),
        "edition": edition,
    })
}

fn row(number: usize, edition: u32) -> Value {
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let pick = |words: &[&'static str], shift: u32| words[(mixed >> shift) as usize % words.len()];
    let color = pick(&["Tortoise", "Black", "Blond Havane", "Crystal", "Café"], 8);
    let model = pick(&["Lemtosh", "Miltzen", "Zolman", "Dahven", "Grunya", "Shindig"], 16);
    json!({
        "catalogId": format!("sku-{:08x}-{number}", mixed >> 32),
        "brand": "Example Optical",
        "model": model,
        "name": format!("{model} {color} {}", 40 + number % 20),
        "category": pick(&["Eyeglasses", "Sunglasses", "Accessories"], 24),
        "tags": ["Originals", "Custom Tints", color],
        "price": {"amount": 19_000 + (mixed >> 40) % 20_000, "currency": "USD", "compareAt": null},
        "inStock": !number.is_multiple_of(3),
        "weight": 21.5 + (number % 7) as f64,
        "edition": edition,
        "description": "Handmade acetate frame with a key-hole bridge, riveted hinges and temples that \
                        widen toward the tips. \u{201C}A classic since 1915.\u{201D}",
        "variants": [
            {"sku": format!("{number}-46"), "size": 46, "color": color, "barcode": 840_000_000_000_u64 + number as u64},
            {"sku": format!("{number}-49"), "size": 49, "color": color, "barcode": 850_000_000_000_u64 + number as u64},
        ],
        "source": {
            "url": format!("https://shop.example/products/{number}"),
            "lastSyncISO": "2026-01-05T10:00:00.000Z",
        },
    })
}

/// Writes a real catalogue again and again, each copy with ids of its own, byte for byte otherwise. Returns items and
/// bytes.
pub(crate) fn repeat(original: &str, path: &Path, bytes_min: usize) -> Result<(usize, usize)> {
    const ID: &str = "\"catalogId\": \"";
    let open = original.find('[').ok_or("the catalogue is not a JSON array")? + 1;
    let close = original.rfind(']').ok_or("the catalogue is not a JSON array")?;
    let items = original.get(open..close).ok_or("the catalogue is not a JSON array")?.trim_end();
    let mut text = String::from("[");
    let mut copies = 0;
    while text.len() < bytes_min {
        if copies > 0 {
            text.push(',');
        }
        text.push_str(&items.replace(ID, &format!("{ID}{copies}-")));
        copies += 1;
    }
    text.push_str("\n]\n");
    std::fs::write(path, &text)?;
    Ok((items.matches(ID).count() * copies, text.len()))
}
