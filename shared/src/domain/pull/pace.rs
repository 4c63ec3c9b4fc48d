//! Pace: how far an entity of a pull is, how fast it goes, and when it will be done if it goes on so.

use jiff::Timestamp;

use crate::domain::runs::pull::EntityPull;

/// How far an entity is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Pages that were read; those of a list that is read a second time count again.
    pub page: u32,
    /// How many there will be; none where the vendor does not say how many rows there are.
    pub pages: Option<u64>,
    /// Rows that were read.
    pub rows: u64,
    /// Requests a second since its first page was asked for, waits included; none while nothing was read.
    pub requests_per_second: Option<f64>,
    /// Rows a second, likewise.
    pub rows_per_second: Option<f64>,
    /// How long it will take still, in milliseconds; none where nobody can say.
    pub left_ms: Option<i64>,
}

/// How far an entity is, of whose rows so many are asked for at once.
#[must_use]
pub fn pace(entity: &EntityPull, page_rows: u64, now: Timestamp) -> Pace {
    let progress = &entity.progress;
    let before = progress.first_pass.unwrap_or(0);
    let page = before.saturating_add(progress.chain.pages());
    let of_list = progress.chain.total().map(|total| total.div_ceil(page_rows.max(1)).max(1));
    let pages = of_list.map(|pages| pages.saturating_add(before.into()).max(page.into()));
    let took_ms = entity.began_at.map(|began| (now.as_millisecond() - began.as_millisecond()).max(1));
    let a_second = |count: f64| took_ms.filter(|_| page > 0).map(|ms| count * 1_000.0 / ms as f64);
    let rate = a_second(f64::from(page));
    let rows = progress.chain.rows();
    let left = pages.map(|pages| pages.saturating_sub(page.into()));
    let left_ms = left.zip(rate).map(|(left, rate)| (left as f64 / rate * 1_000.0).round().min(1e15) as i64);
    let requests_per_second = rate.map(|rate| (rate * 100.0).round() / 100.0);
    let rows_per_second = a_second(rows as f64).map(|rate| (rate * 10.0).round() / 10.0);
    Pace { page, pages, rows, requests_per_second, rows_per_second, left_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Entity;

    fn entity(pages: u32, rows: u64, total: Option<u64>, first_pass: Option<u32>) -> EntityPull {
        let mut entity = EntityPull::new(Entity::UNITS);
        entity.began_at = Some(Timestamp::UNIX_EPOCH);
        entity.progress.chain =
            serde_json::from_value(serde_json::json!({"pages": pages, "rows": rows, "total": total})).unwrap();
        entity.progress.first_pass = first_pass;
        entity
    }

    #[test]
    fn how_far_how_fast_and_how_long_still() {
        let after = |seconds: i64| Timestamp::from_second(seconds).unwrap();
        let found = pace(&entity(4, 400, Some(1_000), None), 100, after(8));
        let expected = Pace {
            page: 4,
            pages: Some(10),
            rows: 400,
            requests_per_second: Some(0.5),
            rows_per_second: Some(50.0),
            left_ms: Some(12_000),
        };
        assert_eq!(found, expected);
        let second = pace(&entity(1, 100, Some(1_000), Some(10)), 100, after(11));
        assert_eq!((second.page, second.pages, second.left_ms), (11, Some(20), Some(9_000)));
        let unsaid = pace(&entity(4, 400, None, None), 100, after(8));
        assert_eq!((unsaid.pages, unsaid.left_ms), (None, None));
        let nothing = pace(&EntityPull::new(Entity::UNITS), 100, after(8));
        assert_eq!((nothing.page, nothing.requests_per_second, nothing.left_ms), (0, None, None));
        let done = pace(&entity(10, 1_000, Some(1_000), None), 100, after(0));
        assert_eq!(done.left_ms, Some(0));
    }
}
