//! How long a table's items are kept, as the environment says it.

use crate::domain::retention::Retention;
use crate::environment::{Environment, StartError};

/// The days that a variable says, of which there are so few at least; or the default when it is unset.
pub(super) fn retention(
    environment: &Environment,
    name: &'static str,
    default: u64,
    fewest: u64,
) -> Result<Retention, StartError> {
    let kept = Retention::of_days(environment.number(name, default)?, fewest);
    kept.map_err(|why| StartError::Invalid { name, reason: why.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_make_no_sense_are_refused_with_those_that_do() {
        let kept = |days: &str| retention(&Environment::from_iter([("DAYS", days)]), "DAYS", 400, 30);
        assert_eq!(kept("").unwrap(), kept("400").unwrap());
        assert_eq!(kept("0").unwrap(), Retention::default());
        let expected =
            "DAYS is not usable: it must be 0, which keeps all for ever, or a whole number of days from 30 to 3650";
        for wrong in ["29", "3651", "-1", "x", "30.5"] {
            let why = kept(wrong).unwrap_err().to_string();
            assert!(why == expected || why == "DAYS is not usable: it must be a whole number", "{wrong}: {why}");
        }
    }
}
