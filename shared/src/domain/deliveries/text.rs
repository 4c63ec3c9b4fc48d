//! A part of a text that somebody looks for, in any case.

/// A text to look for: a part of a key, of a trace, of an event's name, or of a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part(String);

impl Part {
    /// The longest that is looked for, in bytes.
    pub const BYTES_MAX: usize = 200;

    /// The part; none for a text of nothing, which is in every other.
    ///
    /// # Errors
    /// The text to refuse it with, where it is too long.
    pub fn of(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim();
        if text.len() > Self::BYTES_MAX {
            return Err(format!("must have at most {} bytes", Self::BYTES_MAX));
        }
        Ok((!text.is_empty()).then(|| Self(text.to_lowercase())))
    }

    /// Whether any of these texts has it.
    #[must_use]
    pub fn is_in<'a>(&self, texts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_in_any_case_and_nothing_is_no_part() {
        let part = Part::of(" Evt_1 ").unwrap().unwrap();
        assert!(part.is_in([None, Some("id:EVT_12")]) && !part.is_in([None, Some("id:evt_2")]) && !part.is_in([]));
        assert_eq!(Part::of("  "), Ok(None));
        assert!(Part::of(&"x".repeat(201)).is_err());
    }
}
