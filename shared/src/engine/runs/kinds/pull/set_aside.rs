//! Set aside: a row that cannot be taken is kept as a dead letter, before the page that had it is committed. So none is dropped without
//! a trace, and one that is read again after a crash is the same letter.

use crate::domain::dead_letter::{DEAD_LETTER_SECONDS, DeadLetter, DeadLetterId, Subject};
use crate::domain::deliveries::delivery::{BODY_PART_BYTES_MAX, body_hash};
use crate::domain::ids::Dataset;
use crate::domain::pull::rows::{Unmapped, text_of};
use crate::domain::runs::failure::Failure;
use crate::domain::runs::log::Line;
use crate::domain::runs::pull::Progress;
use crate::domain::runs::said;
use crate::engine::runs::slice::{Slice, SliceFault};

use super::Ended;

/// So many rows of an entity are set aside in one run: where there are more, it is not the rows that are wrong.
const ROWS_MAX: u64 = 1_000;
/// How much of an id stands in a letter, in characters.
const KEY_CHARACTERS_MAX: usize = 200;

/// Sets the rows of a page aside: how many there are of the entity then, and what is to be said of those of the page once it is committed.
///
/// # Errors
/// When there are too many, or one cannot be kept.
pub(super) async fn set_aside(
    slice: &mut Slice<'_>,
    dataset: &Dataset,
    before: &Progress,
    unmapped: Vec<Unmapped<'_>>,
) -> Result<(u64, Vec<Line>), Ended> {
    let after = before.set_aside + unmapped.len() as u64;
    if after > ROWS_MAX {
        let first = unmapped.first().map(|row| row.why.clone()).unwrap_or_default();
        let detail = format!("more than {ROWS_MAX} rows cannot be taken; of the last, {first}");
        return Err(Ended::Failed(Failure::PageInvalid, detail));
    }
    let said = said::set_aside(&dataset.entity, before, &unmapped, slice.now());
    if slice.run.mode.is_dry() {
        return Ok((after, said));
    }
    for mut row in unmapped {
        let text = text_of(&mut row.item);
        let letter = letter(slice, dataset, &row, &text);
        let body = text.as_bytes().get(..BODY_PART_BYTES_MAX).unwrap_or(text.as_bytes());
        let letter = DeadLetter { parts: DeadLetter::parts_of(body), ..letter };
        let tenant = &dataset.connection.tenant;
        slice.worker.journal.put_dead_letter(tenant, &letter, body).await.map_err(SliceFault::Aws)?;
        tracing::warn!(dead_letter = %letter.id, run_id = %slice.run.id, %dataset, reason = letter.reason, "row set aside");
        slice.breathe().await?;
    }
    Ok((after, said))
}

fn letter(slice: &Slice<'_>, dataset: &Dataset, row: &Unmapped<'_>, text: &str) -> DeadLetter {
    let (run, hash) = (&slice.run, body_hash(text.as_bytes()));
    let entity = body_hash(dataset.entity.as_str().as_bytes());
    // Of its run, its entity and what it holds: the same row read again is the same letter.
    let name = format!("{}.{}.{}", run.id, &entity[..8], &hash[..32]);
    DeadLetter {
        id: DeadLetterId::new(run.started_at.as_millisecond(), &name),
        subject: Subject::Record {
            dataset: dataset.clone(),
            key: row.id.chars().take(KEY_CHARACTERS_MAX).collect(),
            run_id: run.id.clone(),
        },
        reason: row.why.clone(),
        attempts: 1,
        payload_hash: hash,
        recorded_ms: slice.now().as_millisecond(),
        parts: 0,
        expires_at: run.started_at.as_second() + DEAD_LETTER_SECONDS,
    }
}
