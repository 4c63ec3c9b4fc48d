//! The vendor of a pull: who is asked, with which key, and how a request goes out.
//!
//! Nothing is asked that the connection's breaker or its quota does not let through, and a function never sleeps until they do: the run
//! waits. What may pass by itself is tried again within the slice a few times, shortly after; what the vendor asks for comes first.

use std::sync::Arc;

use http::HeaderName;
use url::Url;

use crate::domain::connections::pull_api::{Paging, PullApi, PullEntity};
use crate::domain::ids::{Connection, RunId};
use crate::domain::pull::answer::Class;
use crate::domain::pull::asked::Asked;
use crate::domain::pull::backoff::{Again, again};
use crate::domain::pull::heard::told;
use crate::domain::pull::pages::{Refusal, is_data};
use crate::domain::redact;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::domain::runs::said;
use crate::domain::secret::Secret;
use crate::engine::connections::ask::{Asker, Unasked};
use crate::engine::connections::readers::Known;
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::slice::{Slice, SliceFault};
use crate::vendors::client::{Answer, NoAnswer, Request};
use crate::vendors::pulled::{self, PullSettings};

use super::Ended;

/// How much of a refusal is told, in characters.
const TOLD_MAX: usize = 200;

/// Who is asked.
pub(super) struct Vendor {
    /// How.
    pub api: &'static PullApi,
    /// As the connection says.
    pub settings: PullSettings,
    secrets: Vec<(HeaderName, Secret)>,
    asker: Asker,
    /// What the vendor answered last, if that was no page.
    heard: Option<Heard>,
    known: Arc<Known>,
}

/// What a vendor answered that was no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its status.
    pub status: u16,
    /// What it asks for beside it.
    pub asked: Asked,
    /// The beginning of its body, as it is shown.
    pub said: String,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Its number, where pages have numbers.
    pub number: u32,
    /// Its token, where pages have tokens.
    pub token: Option<&'a str>,
    /// Since when rows have changed, as the vendor reads it.
    pub since: Option<&'a str>,
    /// How many pages follow, as far as is known: what is reserved for them at once costs one write.
    pub follow: u32,
}

fn unusable(detail: impl Into<String>) -> SliceFault {
    SliceFault::Vendor { failure: Failure::VendorNotConfigured, detail: detail.into(), may_pass: false }
}

impl Vendor {
    /// That of a connection, as it is now.
    ///
    /// # Errors
    /// When there is none, or it cannot be asked.
    pub(super) async fn of(worker: &RunWorker, connection: &Connection) -> Result<Self, SliceFault> {
        // As of now: with a key that was kept for half a minute, a pull right after a rotation would be refused for good.
        let known = worker.connections.as_of_now().get(connection).await?.ok_or(SliceFault::VendorGone)?;
        let provider = worker.runs.outside.providers.of(&connection.provider);
        let api = provider.pull.ok_or(SliceFault::VendorGone)?;
        let settings = pulled::read(api, &known.stored.settings)
            .map_err(|wrong| unusable(format!("its setting {} cannot be used: it {}", wrong.name, wrong.why)))?;
        let secrets: Vec<Secret> = known.secrets.iter().map(|live| live.secret.clone()).collect();
        let headers = (api.credentials)(&secrets)
            .map_err(|why| SliceFault::Vendor {
                failure: Failure::VendorRefusedCredentials,
                detail: why.to_owned(),
                may_pass: false,
            })?
            .into_iter()
            .map(|(name, secret)| (HeaderName::from_static(name), secret));
        let asker = Asker::new(worker, connection, &settings).map_err(unusable)?;
        Ok(Self { api, settings, secrets: headers.collect(), asker, heard: None, known: known.clone() })
    }

    /// Whether a run was of this connection: what one that was removed had read under its name is not known of this one's vendor.
    pub(super) fn has_run(&self, run: &RunId) -> bool {
        self.known.stored.has_run(run)
    }

    /// Asks for a page, and again where that may help.
    ///
    /// # Errors
    /// When there is none: the run waits, the entity ends, or the slice stops short.
    pub(super) async fn page(
        &mut self,
        slice: &mut Slice<'_>,
        entity: &PullEntity,
        wanted: Wanted<'_>,
    ) -> Result<Answer, Ended> {
        let url = self.url(entity, wanted);
        let mut tries = 0;
        loop {
            slice.breathe().await?;
            tries += 1;
            let answered = self.ask(&url, wanted.follow + 1).await?;
            let class = class(&answered);
            if !class.may_pass() {
                return self.judged(answered);
            }
            let now = slice.now();
            let not_before = answered.as_ref().ok().and_then(|answer| answer.asked(now).not_before(class));
            match again(tries, not_before, random(slice)) {
                Again::After(pause) => {
                    let why = self.down(answered).to_string();
                    slice.run.say(said::asked_again(&entity.entity, &why, now));
                    slice.worker.runs.outside.pause(pause).await;
                }
                Again::NotBefore(until) => {
                    return Err(SliceFault::Waits(Wait { until, reason: WaitReason::RetryAfter }).into());
                }
                Again::Never => return Err(self.down(answered).into()),
            }
        }
    }

    /// Asks for a page once, for somebody who looks.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn page_once(&mut self, entity: &PullEntity, wanted: Wanted<'_>) -> Result<Answer, Ended> {
        let url = self.url(entity, wanted);
        let answered = self.ask(&url, 1).await?;
        if class(&answered).may_pass() { Err(self.down(answered).into()) } else { self.judged(answered) }
    }

    /// Asks for one row once: none where the vendor does not have it, or does not give rows one by one.
    ///
    /// # Errors
    /// When it may not be asked, or does not answer with a row: what was known of it before must not pass for what is there now.
    pub(super) async fn row_once(&mut self, entity: &PullEntity, id: &str) -> Result<Option<Answer>, SliceFault> {
        let mut url = self.settings.base_url.clone();
        // An id may hold anything: it is one part of the path.
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(entity.path.trim_matches('/').split('/')).push(id);
        }
        let answered = self.ask(&url, 1).await?;
        match answered {
            Ok(answer) if answer.class() == Class::Fine => {
                let documentation = self.api.documentation.as_ref();
                match is_data(&self.host(), answer.header("content-type"), &answer.body, documentation) {
                    Ok(()) => Ok(Some(answer)),
                    Err(refusal) => {
                        let (failure, detail) = (Failure::PageInvalid, refusal.to_string());
                        Err(SliceFault::Vendor { failure, detail, may_pass: false })
                    }
                }
            }
            answered if class(&answered).may_pass() => Err(self.down(answered)),
            _ => Ok(None),
        }
    }

    /// That a vendor is down, for now.
    fn down(&self, answered: Result<Answer, NoAnswer>) -> SliceFault {
        let detail = match answered {
            Ok(answer) => format!("{} answered {}", self.host(), answer.status.as_u16()),
            Err(none) => none.to_string(),
        };
        SliceFault::Vendor { failure: Failure::SourceUnreadable, detail, may_pass: true }
    }

    /// Asks once, if breaker and quota let it.
    async fn ask(&mut self, url: &Url, soon: u32) -> Result<Result<Answer, NoAnswer>, SliceFault> {
        self.heard = None;
        let request = Request { secrets: self.secrets.clone(), ..Request::get(url.clone()) };
        let answered = self.asker.ask(request, soon).await.map_err(|unasked| match unasked {
            Unasked::Waits(wait) => SliceFault::Waits(wait),
            Unasked::Fault(fault) => fault.into(),
        })?;
        if let Some(answer) = answered.as_ref().ok().filter(|answer| answer.class() != Class::Fine) {
            self.hear(answer);
        }
        Ok(answered)
    }

    /// Keeps the beginning of an answer that is no page, for whoever looks for the reason.
    pub(super) fn hear(&mut self, answer: &Answer) {
        let (status, asked) = (answer.status.as_u16(), answer.asked(self.asker.now()));
        self.heard = Some(Heard { status, asked, said: told(&answer.body) });
    }

    /// What was heard last, if that was no page.
    pub(super) fn heard(&mut self) -> Option<Heard> {
        self.heard.take()
    }

    /// What an answer comes to that no other try would better.
    fn judged(&mut self, answered: Result<Answer, NoAnswer>) -> Result<Answer, Ended> {
        let class = class(&answered);
        let answer = match answered {
            Ok(answer) => answer,
            Err(none @ NoAnswer::TooLarge { .. }) => {
                return Err(Ended::Failed(Failure::PageInvalid, none.to_string()));
            }
            // No entity of it could be asked for.
            Err(none) => return Err(unusable(none.to_string()).into()),
        };
        let status = answer.status.as_u16();
        match class {
            Class::Fine => {
                let kind = answer.header("content-type");
                let documentation = self.api.documentation.as_ref();
                if let Err(refusal) = is_data(&self.host(), kind, &answer.body, documentation) {
                    self.hear(&answer);
                    return Err(Ended::Failed(Failure::PageInvalid, refusal.to_string()));
                }
                Ok(answer)
            }
            Class::Unsupported => Err(Ended::NotSupported),
            _ => {
                let said: String = String::from_utf8_lossy(&answer.body).trim().chars().take(TOLD_MAX).collect();
                let detail = format!("{} answered {status}: {}", self.host(), redact::error_text(&said));
                // A documentation's host has no such path, and a page that says so.
                let documentation = self.api.documentation.as_ref().filter(|_| status == 404);
                let kind = answer.header("content-type");
                let detail = match documentation.map(|it| is_data(&self.host(), kind, &answer.body, Some(it))) {
                    Some(Err(refusal @ (Refusal::Documentation { .. } | Refusal::WebPage { .. }))) => {
                        refusal.to_string()
                    }
                    _ => detail,
                };
                Err(match status {
                    401 => {
                        let failure = Failure::VendorRefusedCredentials;
                        SliceFault::Vendor { failure, detail, may_pass: false }.into()
                    }
                    403 | 405 => Ended::Failed(Failure::VendorNotPermitted, detail),
                    _ => Ended::Failed(Failure::PageInvalid, detail),
                })
            }
        }
    }

    fn host(&self) -> String {
        self.settings.base_url.host_str().unwrap_or_default().to_owned()
    }

    fn url(&self, entity: &PullEntity, wanted: Wanted<'_>) -> Url {
        let mut url = self.settings.base_url.clone();
        url.set_path(&format!("{}{}", self.settings.base_url.path().trim_end_matches('/'), entity.path));
        {
            let mut query = url.query_pairs_mut();
            let rows = self.settings.page_rows.to_string();
            match self.api.paging {
                Paging::Numbered { number, size } => {
                    query.append_pair(number, &wanted.number.to_string()).append_pair(size, &rows);
                }
                Paging::Tokens { token, size, .. } => {
                    query.append_pair(size, &rows);
                    if let Some(text) = wanted.token {
                        query.append_pair(token, text);
                    }
                }
            }
            // On every page: a vendor may take a page without it for one of the whole list.
            if let (Some(name), Some(since)) = (entity.since, wanted.since) {
                query.append_pair(name, since);
            }
        }
        url
    }
}

fn class(answered: &Result<Answer, NoAnswer>) -> Class {
    answered.as_ref().map_or_else(NoAnswer::class, Answer::class)
}

fn random(slice: &Slice<'_>) -> u64 {
    let bytes = slice.worker.runs.outside.entropy.bytes16();
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
