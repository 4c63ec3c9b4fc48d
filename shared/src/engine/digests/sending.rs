//! Send what is wanted: each is claimed before, and sent once.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::Instant;

use super::Digests;
use crate::aws::digests::WantedRecord;
use crate::aws::faults::AwsFault;
use crate::aws::keys::KeyFault;
use crate::aws::runs::mirrors::MirrorsOf;
use crate::domain::alerts::delivery::Answered;
use crate::domain::connections::stored::StoredConnection;
use crate::domain::digest::figures::{FAILURES_MAX, Figures, Week};
use crate::domain::digest::letter::{Letter, Places, card, letter};
use crate::domain::digest::recipient::{Address, Scope, recipients};
use crate::domain::digest::record::{Outcome, Record, RecordState};
use crate::domain::digest::unsubscribe::Link;
use crate::domain::ids::TenantId;
use crate::domain::runs::window::cover;
use crate::domain::secret::Secret;
use crate::domain::service_secrets::SESSION_JWT;
use crate::vendors::channels::{Sending, send_card};

/// Records of one tick.
const WANTED_MAX: usize = 200;
/// After so long none is begun any more: the function is ended after a minute.
const BEGUN_WITHIN: Duration = Duration::from_secs(35);
/// How long whoever takes one may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// So many of the failures of all tenants are looked at for those of one.
const FAILED_MAX: usize = 1_000;

/// What was read for one recipient is the same for the next one.
type Known = BTreeMap<(Week, Option<TenantId>), Figures>;

/// Sends the records that are wanted, one after another: how many were taken.
///
/// # Errors
/// The first fault, after all were tried.
pub(super) async fn send_wanted(digests: &Digests) -> Result<usize, AwsFault> {
    let wanted = digests.store.wanted(WANTED_MAX).await?;
    let (mut known, mut sent, mut failed) = (Known::new(), 0, None);
    let until = Instant::now() + BEGUN_WITHIN;
    for one in wanted {
        if Instant::now() >= until {
            break;
        }
        match send_one(digests, &one, &mut known).await {
            Ok(taken) => sent += usize::from(taken),
            Err(fault) => {
                tracing::error!(%fault, tenant = %one.tenant, digest = one.id, "a digest is not sent yet");
                failed.get_or_insert(fault);
            }
        }
    }
    failed.map_or(Ok(sent), Err)
}

async fn send_one(digests: &Digests, wanted: &WantedRecord, known: &mut Known) -> Result<bool, AwsFault> {
    let (store, now) = (&digests.store, digests.now());
    let found = store.one(&wanted.tenant, &wanted.id).await?.filter(|record| record.state == RecordState::Wanted);
    let Some(record) = found else {
        store.forget_wanted(wanted).await?;
        return Ok(false);
    };
    let stored = digests.connections.read(&record.connection).await?;
    // Whoever was taken off since, or has unsubscribed, is not told.
    let is_meant = |stored: &StoredConnection| {
        recipients(stored).iter().any(|one| one.scope == record.scope && one.address == record.address)
    };
    let Some(stored) = stored.filter(is_meant) else {
        store.advance(&record, &record.dropped("the connection does not name the recipient any more"), now).await?;
        return Ok(false);
    };
    if let Address::Mail(address) = &record.address
        && store.is_unsubscribed(&wanted.tenant, record.scope, address).await?
    {
        store.advance(&record, &record.dropped("the recipient has unsubscribed"), now).await?;
        return Ok(false);
    }
    // All that may fail is read before the claim: it is for what cannot be taken back alone.
    let figures = figures(digests, &record, known).await?;
    let ready = ready(digests, &record, &stored, &figures).await?;
    let claimed = record.claimed(now);
    if !store.advance(&record, &claimed, now).await? {
        return Ok(false);
    }
    let (outcome, text) = ready.send(digests).await;
    if !matches!(outcome, Outcome::Taken(_)) {
        tracing::warn!(tenant = %wanted.tenant, digest = record.id, ?outcome, "a digest was not taken");
    }
    let (taken, now) = (matches!(outcome, Outcome::Taken(_)), digests.now());
    let after = Record { text: Some(text), ..claimed.answered(outcome, now) };
    store.advance(&claimed, &after, now).await?;
    Ok(taken)
}

async fn figures(digests: &Digests, record: &Record, known: &mut Known) -> Result<Figures, AwsFault> {
    let tenant = (record.scope == Scope::Tenant).then(|| record.connection.tenant.clone());
    let (week, name) = (record.week, (record.week, tenant.clone()));
    if let Some(found) = known.get(&name) {
        return Ok(found.clone());
    }
    let last = week.end().checked_sub(SignedDuration::from_millis(1)).unwrap_or(week.end());
    let of = MirrorsOf { tenant: tenant.clone(), strategy: None };
    let tally = digests.runs.mirror_tally(&of, &cover(Some(week.start()), Some(last))).await?;
    let failures = digests.runs.failed_mirrors(week.start(), FAILED_MAX).await?.into_iter();
    let failures = failures
        .filter(|row| {
            row.started_at < week.end() && tenant.as_ref().is_none_or(|one| row.tenant_id.as_ref() == Some(one))
        })
        .take(FAILURES_MAX)
        .collect();
    let found = Figures { week, tally, failures };
    known.insert(name, found.clone());
    Ok(found)
}

/// A digest with all that it takes to send it.
enum Ready {
    Mail { from: String, to: String, letter: Letter, one_click: Option<String> },
    Card { secret: Secret, body: Value, text: String },
    Nothing(&'static str),
}

async fn ready(
    digests: &Digests,
    record: &Record,
    stored: &StoredConnection,
    figures: &Figures,
) -> Result<Ready, AwsFault> {
    let (tenant, scope, console) = (&record.connection.tenant, record.scope, digests.console.as_deref());
    match &record.address {
        Address::Mail(address) => {
            let Some(from) = digests.from.clone() else {
                return Ok(Ready::Nothing("nobody is named whom mails are from: set DIGEST_FROM"));
            };
            let values = digests.secrets.values(digests.now())?;
            let link = Link { tenant: tenant.clone(), scope, address: address.clone() };
            let token = values.get(SESSION_JWT).and_then(|secret| link.signed(secret));
            let at = |path: &str| Some(format!("{}{path}?token={}", console?, token.as_deref()?));
            let (page, one_click) = (at("/unsubscribe"), at("/api/digests/unsubscribe"));
            let letter = letter(figures, tenant, scope, Places { console, unsubscribe: page.as_deref() });
            Ok(Ready::Mail { from, to: address.clone(), letter, one_click })
        }
        Address::Teams(_) => {
            let Some(secrets) = &stored.secrets else { return Ok(Ready::Nothing("the channel has no secret")) };
            let secret = match digests.keys.open(&stored.connection, &secrets.current).await {
                Ok(secret) => secret,
                Err(KeyFault::Unavailable(fault)) => return Err(fault),
                Err(_) => return Ok(Ready::Nothing("the channel's secret cannot be opened")),
            };
            let places = Places { console, unsubscribe: None };
            let text = letter(figures, tenant, scope, places).text;
            Ok(Ready::Card { secret, body: card(figures, tenant, scope, places), text })
        }
    }
}

impl Ready {
    /// What came of it, and what it said.
    async fn send(self, digests: &Digests) -> (Outcome, String) {
        let clock = &digests.outside.clock;
        let silent = || Outcome::Unknown(format!("no answer within {} s", ANSWER_MAX.as_secs()));
        match self {
            Self::Mail { from, to, letter, one_click } => {
                let sent = digests.mail.send(&from, &to, &letter, one_click.as_deref());
                (clock.within(ANSWER_MAX, sent).await.unwrap_or_else(silent), letter.text)
            }
            Self::Card { secret, body, text } => {
                let sending = Sending { link: None, now: digests.now(), local: digests.local };
                let outcome = match clock.within(ANSWER_MAX, send_card(&sending, &secret, &body)).await {
                    None => silent(),
                    Some(Answered::Taken) => Outcome::Taken(String::new()),
                    // A channel that failed may have shown it.
                    Some(Answered::Later(why, _)) => Outcome::Unknown(why),
                    Some(Answered::Refused(why) | Answered::Never(why)) => Outcome::Refused(why),
                };
                (outcome, text)
            }
            Self::Nothing(why) => (Outcome::Refused(why.to_owned()), String::new()),
        }
    }
}
