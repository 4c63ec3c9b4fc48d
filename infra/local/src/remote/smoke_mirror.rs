//! The smoke test of the category mirror: is it closed to strangers, does it refuse what it must, and does a dry run come to its end and
//! show where clients look for it. Nothing is changed on either side.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::smoke::{Check, one_of};
use super::{Answer, Asked, NoAnswer, Remote};

const MIRROR: &str = "/api/categories/mirror";
/// How long a mirror of one tenant may take to be over, and how often it is looked at meanwhile.
const LOOKS_MAX: u32 = 30;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whose categories are compared, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct MirrorSmoke<'a> {
    /// Where.
    pub remote: &'a Remote,
    /// A token of a platform's administrator.
    pub admin: &'a str,
    /// The tenant.
    pub tenant: &'a str,
}

/// Makes the eight checks, and says whether all passed. `checked` hears of each as it is found.
pub async fn smoke_mirror(smoke: &MirrorSmoke<'_>, checked: impl Fn(&Check)) -> bool {
    let mut passed = true;
    let mut tell = |check: Check| {
        passed &= check.passed;
        checked(&check);
    };
    let MirrorSmoke { remote, admin, tenant } = *smoke;
    tell(Check::new("1 GET /health", &remote.get("/health", None).await, one_of(&[200])));
    let stranger =
        Asked { method: Method::POST, path: MIRROR, body: Some(wanted("platform_to_gbp", tenant)), ..Asked::default() };
    tell(Check::new("2 a mirror without a token is refused", &remote.ask(stranger, "").await, one_of(&[401])));
    let wrong = remote.post_json(MIRROR, admin, &wanted("sideways", tenant)).await;
    tell(Check::new("3 an unknown strategy is refused", &wrong, |answer| match told(answer)["error"].as_str() {
        Some("invalid_strategy") if answer.status == 400 => Ok(()),
        _ => Err(format!("expected 400 invalid_strategy{}", hint(answer))),
    }));
    let accepted = remote.post_json(MIRROR, admin, &wanted("platform_to_gbp", tenant)).await;
    let job = job_of(&accepted);
    tell(Check::new("4 a dry run is accepted", &accepted, |answer| match (answer.status, &job) {
        (202, Some(_)) => Ok(()),
        _ => Err(format!("expected 202 with a jobId{}", hint(answer))),
    }));
    let row = log_row(smoke, job.as_deref(), |_| true).await;
    tell(Check::new("5 its row is in the log at once", &row, |answer| has_job(answer, job.as_deref()).map(drop)));
    let over = log_row(smoke, job.as_deref(), |row| !row["completedAt"].is_null()).await;
    tell(Check::new("6 it comes to its end", &over, |answer| {
        let row = has_job(answer, job.as_deref())?;
        match (&row["completedAt"], row["error"].as_str(), row["skipped"].as_bool()) {
            (Value::Null, ..) => Err(format!("not over after {} s", LOOKS_MAX)),
            (_, Some(error), _) => Err(error.to_owned()),
            // One like it went well less than a minute ago.
            (_, None, Some(true)) if row["reason"] == "cooldown" => Ok(()),
            (_, None, Some(true)) => Err(format!("skipped: {}", row["reason"].as_str().unwrap_or("no reason"))),
            _ => Ok(()),
        }
    }));
    let stats = remote.get("/api/admin/sync-stats", Some(admin)).await;
    tell(Check::new("7 the statistics of a day count it", &stats, |answer| {
        match told(answer)["stats"]["totalRuns"].as_u64() {
            Some(runs) if runs > 0 => Ok(()),
            _ => Err("expected totalRuns of 1 or more".into()),
        }
    }));
    let last = Asked { path: "/api/admin/mirror/last-run", query: &[("tenantId", tenant)], ..Asked::default() };
    tell(Check::new("8 it is the tenant's last run", &remote.ask(last, admin).await, |answer| {
        match (&job, told(answer)["data"]["jobId"].as_str()) {
            (Some(job), Some(last)) if job == last => Ok(()),
            (_, last) => Err(format!("the last one is {}", last.unwrap_or("none"))),
        }
    }));
    passed
}

fn wanted(strategy: &str, tenant: &str) -> String {
    json!({"strategy": strategy, "tenantId": tenant, "dryRun": true}).to_string()
}

fn told(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or_default()
}

fn job_of(answer: &Result<Answer, NoAnswer>) -> Option<String> {
    let answer = answer.as_ref().ok().filter(|answer| answer.status == 202)?;
    told(answer)["jobId"].as_str().map(str::to_owned)
}

/// What to do about a refusal that everybody meets first.
fn hint(answer: &Answer) -> String {
    match answer.status {
        401 | 403 => {
            "; ADMIN_TOKEN must be a token of a platform's administrator: signalbox token user --role PLATFORM_ADMIN"
                .into()
        }
        409 => format!("; turn {} on", told(answer)["flag"].as_str().unwrap_or("the flag")),
        _ => String::new(),
    }
}

/// The tenant's newest row of the log, once it is as wanted; or as it was at the last look.
async fn log_row(
    smoke: &MirrorSmoke<'_>,
    job: Option<&str>,
    is_enough: impl Fn(&Value) -> bool,
) -> Result<Answer, NoAnswer> {
    let query = [("limit", "1"), ("tenantId", smoke.tenant)];
    let mut looks = 0;
    loop {
        let asked = Asked { path: "/api/admin/sync-logs", query: &query, ..Asked::default() };
        let answer = smoke.remote.ask(asked, smoke.admin).await?;
        looks += 1;
        let is_enough = job.is_none() || answer.status != 200 || is_enough(&told(&answer)["data"][0]);
        if is_enough || looks >= LOOKS_MAX {
            return Ok(answer);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn has_job(answer: &Answer, job: Option<&str>) -> Result<Value, String> {
    let job = job.ok_or("no run was accepted")?;
    let row = told(answer)["data"][0].clone();
    match row["jobId"].as_str() {
        Some(found) if found == job && answer.status == 200 => Ok(row),
        found => Err(format!("the newest row is of {}, expected {job}", found.unwrap_or("nobody"))),
    }
}
