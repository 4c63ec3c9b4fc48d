//! The gate of a deployment: whether a load test's report is good enough.

use serde::Deserialize;

/// The least share of duplicates for which a load test says anything about them.
const DUPLICATES_SHARE_MIN: f64 = 0.2;

/// What is read of a report. The tool that this one replaces tells neither new events nor repeated ones.
#[derive(Deserialize)]
struct Told {
    total: usize,
    duplicates: usize,
    success: usize,
    other: usize,
    accepted: Option<usize>,
    repeated: Option<usize>,
}

/// What a report says, in a line, and what is wrong with it; nothing when it passes.
#[derive(Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The figures.
    pub line: String,
    /// Why it does not pass.
    pub problems: Vec<String>,
}

/// Judges the text of a report: one JSON object, as `signalbox loadtest` prints it.
///
/// # Errors
/// When it is none.
pub fn judge(text: &str, expected: usize) -> Result<Judgement, String> {
    let report: Told = serde_json::from_str(text).map_err(|error| format!("no report of a load test: {error}"))?;
    let share = if report.total == 0 { 0.0 } else { report.duplicates as f64 / report.total as f64 };
    let mut problems = Vec::new();
    if report.other > 0 {
        problems.push(format!("{} requests were not answered with 2xx", report.other));
    }
    if report.total != expected {
        problems.push(format!("{} requests, not {expected}", report.total));
    }
    if report.success + report.other != report.total {
        problems.push(format!("{} + {} answers to {} requests", report.success, report.other, report.total));
    }
    let different = report.total.saturating_sub(report.duplicates);
    if let Some(accepted) = report.accepted.filter(|accepted| *accepted > different) {
        problems
            .push(format!("{accepted} of {different} different events were accepted as new: duplicates were taken in"));
    }
    if let (Some(accepted), Some(repeated)) = (report.accepted, report.repeated)
        && accepted.saturating_add(repeated) > report.success
    {
        problems.push(format!("{accepted} new and {repeated} repeated events in {} good answers", report.success));
    }
    if share < DUPLICATES_SHARE_MIN {
        problems.push(format!("only {share:.2} of the requests are duplicates, less than {DUPLICATES_SHARE_MIN}"));
    }
    let Told { total, duplicates, other, .. } = report;
    Ok(Judgement { line: format!("total={total} duplicates={duplicates} ratio={share:.2} other={other}"), problems })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_passes_or_says_all_that_is_wrong() {
        for (text, line, problems) in [
            (
                r#"{"total":100,"duplicates":50,"success":100,"other":0}"#,
                "total=100 duplicates=50 ratio=0.50 other=0",
                &[] as &[&str],
            ),
            (
                r#"{"total":100,"duplicates":20,"success":100,"other":0,"unknown":1}"#,
                "total=100 duplicates=20 ratio=0.20 other=0",
                &[],
            ),
            (
                r#"{"total":100,"duplicates":50,"success":100,"other":0,"accepted":50,"repeated":50}"#,
                "total=100 duplicates=50 ratio=0.50 other=0",
                &[],
            ),
            // The same load sent again.
            (
                r#"{"total":100,"duplicates":50,"success":100,"other":0,"accepted":0,"repeated":100}"#,
                "total=100 duplicates=50 ratio=0.50 other=0",
                &[],
            ),
            (
                r#"{"total":100,"duplicates":50,"success":100,"other":0,"accepted":100,"repeated":0}"#,
                "total=100 duplicates=50 ratio=0.50 other=0",
                &["100 of 50 different events were accepted as new: duplicates were taken in"],
            ),
            (
                r#"{"total":100,"duplicates":50,"success":100,"other":0,"accepted":50,"repeated":60}"#,
                "total=100 duplicates=50 ratio=0.50 other=0",
                &["50 new and 60 repeated events in 100 good answers"],
            ),
            (
                r#"{"total":90,"duplicates":9,"success":80,"other":9}"#,
                "total=90 duplicates=9 ratio=0.10 other=9",
                &[
                    "9 requests were not answered with 2xx",
                    "90 requests, not 100",
                    "80 + 9 answers to 90 requests",
                    "only 0.10 of the requests are duplicates, less than 0.2",
                ],
            ),
            (
                r#"{"total":0,"duplicates":0,"success":0,"other":0}"#,
                "total=0 duplicates=0 ratio=0.00 other=0",
                &["0 requests, not 100", "only 0.00 of the requests are duplicates, less than 0.2"],
            ),
        ] {
            let judgement = judge(text, 100).unwrap();
            assert_eq!(judgement.line, line);
            assert_eq!(judgement.problems, problems, "{text}");
        }
        for text in ["", "[]", r#"{"total":100}"#, r#"{"total":-1,"duplicates":0,"success":0,"other":0}"#] {
            assert!(judge(text, 100).unwrap_err().starts_with("no report of a load test: "), "{text}");
        }
    }
}
