//! Places in lists: the ids and cursors that clients are given and send back. What they send may be anything, so it is
//! read here before it becomes a part of a key.

/// Milliseconds of the Unix epoch are written with so many digits, so that they sort as text.
pub(crate) const TIME_DIGITS: usize = 13;

/// A text that is not a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in this list")]
pub struct NoPlace;

/// The time that a text begins with, epoch milliseconds, and what is behind it.
pub(crate) fn split_time(text: &str) -> Option<(i64, &str)> {
    let (time, rest) = text.split_once('-')?;
    let plain = time.len() == TIME_DIGITS && time.bytes().all(|byte| byte.is_ascii_digit());
    Some((time.parse().ok().filter(|_| plain)?, rest))
}
