//! Google Business Profile over a connection: its locations, the categories that there are, and an edit of those that a location has.
//!
//! Nothing is asked that the connection's breaker and quotas do not let through. What may pass by itself is tried again a few times where it
//! reads; an edit is sent once, and whoever wants it looks first whether it was done. A list is whole or an error: never a part of it, and
//! never empty.

mod lists;
mod look;
mod tokens;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use lists::{CategoryList, CategoryLists};
pub use look::try_look;

use self::tokens::{Access, Tokens};
use crate::aws::clients::Clients;
use crate::aws::connections::access_token::AccessTokens;
use crate::aws::connections::quota::Meter;
use crate::aws::keys::DataKeys;
use crate::domain::ids::{Connection, ProviderId};
use crate::domain::mirror::categories::GoogleCategoryId;
use crate::domain::pull::backoff::{Again, again};
use crate::domain::pull::heard::told;
use crate::domain::pull::pages::is_data;
use crate::domain::runs::failure::Failure;
use crate::domain::runs::lease::{Wait, WaitReason};
use crate::engine::connections::ask::{Asker, Unasked};
use crate::engine::runs::context::RunWorker;
use crate::engine::runs::kinds::pull::Heard;
use crate::engine::runs::slice::SliceFault;
use crate::environment::{Environment, StartError};
use crate::outside::Outside;
use crate::vendors::client::{Answer, NoAnswer, Request};
use crate::vendors::gbp::{self, Category, GbpSettings, Location, LocationName, Locations, Said};

/// The most locations of an account that are read: more of them want several connections, each of which names its own.
pub const LOCATIONS_MAX: u64 = 10_000;
/// The most categories: Google has some four thousand.
const CATEGORIES_MAX: u64 = 20_000;
/// How many categories are asked for by name at once: their names must fit an address.
const BATCH_MAX: usize = 50;
/// A wait for the quota that is shorter than this is waited for, so that a list is not begun anew for each of its pages.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// How long is waited so in all for one list.
const SHORT_WAITS_MAX: Duration = Duration::from_secs(15);

/// What all share who ask Google: access tokens, and the lists of categories that this instance knows. Cheap to clone.
#[derive(Clone)]
pub struct GoogleShared {
    tokens: AccessTokens,
    keys: DataKeys,
    lists: CategoryLists,
}

impl GoogleShared {
    /// Reads the configuration; nothing is called.
    ///
    /// # Errors
    /// When the environment is unusable.
    pub fn connect(clients: &Clients, environment: &Environment, outside: &Outside) -> Result<Self, StartError> {
        Ok(Self {
            tokens: AccessTokens::connect(clients, environment)?,
            keys: DataKeys::connect(clients, environment, outside)?,
            lists: CategoryLists::default(),
        })
    }
}

/// Asks Google over one connection.
pub struct Google {
    settings: GbpSettings,
    connection: Connection,
    asker: Asker,
    tokens: Tokens,
    /// What the last request was let in by.
    access: Option<Access>,
    /// By which locations are edited.
    edits: HashMap<LocationName, Meter>,
    worker: RunWorker,
    /// How long was waited for the quota within one list.
    waited: Duration,
    /// What Google answered last, if that was nothing that was asked for.
    heard: Option<Heard>,
}

fn vendor(failure: Failure, detail: impl Into<String>) -> SliceFault {
    SliceFault::Vendor { failure, detail: detail.into(), may_pass: false }
}

fn down(detail: impl Into<String>) -> SliceFault {
    SliceFault::Vendor { failure: Failure::SourceUnreadable, detail: detail.into(), may_pass: true }
}

impl Google {
    /// That of a connection, as it is now; nothing is asked yet.
    ///
    /// # Errors
    /// When there is none, or it cannot be asked.
    pub async fn of(worker: &RunWorker, connection: &Connection) -> Result<Self, SliceFault> {
        if connection.provider != ProviderId::GBP {
            return Err(vendor(Failure::VendorNotConfigured, format!("{connection} is no connection to Google")));
        }
        // As of now: with a secret that was kept for half a minute, a run right after a rotation would be refused for good.
        let known = worker.connections.as_of_now().get(connection).await?.ok_or(SliceFault::VendorGone)?;
        let settings = gbp::read(&known.stored.settings).map_err(|wrong| {
            let detail = format!("its setting {} cannot be used: it {}", wrong.name, wrong.why);
            vendor(Failure::VendorNotConfigured, detail)
        })?;
        let limits = (settings.limits, settings.breaker_failures);
        let asker = Asker::at(worker, connection, &settings.base_url, limits);
        let asker = asker.map_err(|why| vendor(Failure::VendorNotConfigured, why))?;
        let tokens = Tokens::of(worker, &known, &settings)?;
        let (connection, worker) = (connection.clone(), worker.clone());
        let (access, edits, waited, heard) = (None, HashMap::new(), Duration::ZERO, None);
        Ok(Self { settings, connection, asker, tokens, access, edits, worker, waited, heard })
    }

    /// What the connection is told.
    #[must_use]
    pub fn settings(&self) -> &GbpSettings {
        &self.settings
    }

    /// The locations that the connection means: all of its account, or those that it names, every one of which must be there.
    ///
    /// # Errors
    /// When there is no whole list of them.
    pub async fn locations(&mut self) -> Result<Vec<Location>, SliceFault> {
        let (mut pages, mut found, mut token) = (gbp::pages(), Vec::new(), None);
        self.waited = Duration::ZERO;
        loop {
            let page = self.locations_page(token.as_deref()).await?;
            let names = page.rows.iter().map(|location| location.name.as_str());
            let (is_new, is_last) = follow(&mut pages, names, None, page.next.as_deref())?;
            found.extend(page.rows.into_iter().zip(is_new).filter_map(|(row, is_new)| is_new.then_some(row)));
            if pages.rows() > LOCATIONS_MAX {
                let detail = format!("{} has more than {LOCATIONS_MAX} locations", self.settings.account);
                return Err(vendor(Failure::TooManyRows, detail));
            }
            if is_last {
                break;
            }
            token = page.next;
        }
        self.meant(found)
    }

    /// Of an account's locations those that the connection means.
    fn meant(&self, mut found: Vec<Location>) -> Result<Vec<Location>, SliceFault> {
        let named = &self.settings.locations;
        if named.is_empty() {
            return Ok(found);
        }
        found.retain(|location| named.contains(&location.name));
        if let Some(missing) = named.iter().find(|name| !found.iter().any(|location| location.name == **name)) {
            let detail = format!("{} does not list {missing}, which the connection names", self.settings.account);
            return Err(vendor(Failure::PagesInconsistent, detail));
        }
        Ok(found)
    }

    /// One page of the account's locations, for whoever goes on from a token that was kept. Whether pages make a whole list is theirs to prove,
    /// see [`gbp::pages`].
    ///
    /// # Errors
    /// When it is no page, or has no rows.
    pub async fn locations_page(&mut self, token: Option<&str>) -> Result<Locations, SliceFault> {
        let request = gbp::list_locations(&self.settings.base_url, &self.settings.account, token);
        let answer = self.read(request).await?;
        let page = gbp::read_locations(&answer.body).map_err(|why| vendor(Failure::PageInvalid, why))?;
        if page.rows.is_empty() && token.is_none() {
            let detail = format!("Google lists no location of {}", self.settings.account);
            return Err(vendor(Failure::NothingListed, detail));
        }
        Ok(page)
    }

    /// One location, as it is now.
    ///
    /// # Errors
    /// When it is not answered with that.
    pub async fn location(&mut self, name: &LocationName) -> Result<Location, SliceFault> {
        self.waited = Duration::ZERO;
        let answer = self.read(gbp::location(&self.settings.base_url, name)).await?;
        let location = gbp::read_location(&answer.body).map_err(|why| vendor(Failure::PageInvalid, why))?;
        if location.name != *name {
            return Err(vendor(Failure::PageInvalid, format!("Google answered with another location than {name}")));
        }
        Ok(location)
    }

    /// All categories of the connection's country, in its language: as this instance has known them for a day at most.
    ///
    /// # Errors
    /// When there is no whole list of them.
    pub async fn categories(&mut self) -> Result<Arc<CategoryList>, SliceFault> {
        let lists = self.worker.google.lists.clone();
        let key = lists::key(&self.settings);
        if let Some(known) = lists.find(&key, self.asker.now()) {
            return Ok(known);
        }
        let list = Arc::new(self.all_categories().await?);
        lists.keep(key, &list, self.asker.now());
        Ok(list)
    }

    async fn all_categories(&mut self) -> Result<CategoryList, SliceFault> {
        let (mut pages, mut found, mut token) = (gbp::pages(), Vec::new(), None);
        self.waited = Duration::ZERO;
        loop {
            let answer = self.read(gbp::list_categories(&self.settings, token.as_deref())).await?;
            let page = gbp::read_categories(&answer.body).map_err(|why| vendor(Failure::PageInvalid, why))?;
            if page.total > CATEGORIES_MAX {
                return Err(vendor(Failure::TooManyRows, format!("Google has {} categories", page.total)));
            }
            let names = page.rows.iter().map(|category| category.id.as_str());
            let (is_new, is_last) = follow(&mut pages, names, Some(page.total), page.next.as_deref())?;
            found.extend(page.rows.into_iter().zip(is_new).filter_map(|(row, is_new)| is_new.then_some(row)));
            if is_last {
                return Ok(CategoryList::new(found));
            }
            token = page.next;
        }
    }

    /// Some categories by their ids. One that Google does not have is missing.
    ///
    /// # Errors
    /// When Google does not answer with that.
    pub async fn categories_named(&mut self, ids: &[GoogleCategoryId]) -> Result<Vec<Category>, SliceFault> {
        let mut found = Vec::new();
        self.waited = Duration::ZERO;
        for some in ids.chunks(BATCH_MAX) {
            let answer = self.read(gbp::batch_get(&self.settings, some)).await?;
            let batch = gbp::read_batch(&answer.body).map_err(|why| vendor(Failure::PageInvalid, why))?;
            found.extend(batch.into_iter().filter(|category| some.contains(&category.id)));
        }
        Ok(found)
    }

    /// Sets the categories of a location, all of them at once; or has Google look only whether that could be done. It is sent once: after a
    /// fault nobody knows whether it was done, and whoever tries again looks first.
    ///
    /// # Errors
    /// When it cannot be, or was not, or nobody knows.
    pub async fn set_categories(
        &mut self,
        location: &LocationName,
        primary: Option<&GoogleCategoryId>,
        additional: &[GoogleCategoryId],
        validate_only: bool,
    ) -> Result<(), SliceFault> {
        let primary = primary.ok_or_else(|| {
            vendor(Failure::NoPrimaryCategory, format!("{location} must have a primary category, and none is mapped"))
        })?;
        let most = self.settings.additional_max;
        if additional.len() > most {
            let count = additional.len();
            let detail = format!("{location} would have {count} additional categories, and may have {most}");
            return Err(vendor(Failure::TooManyCategories, detail));
        }
        self.waited = Duration::ZERO;
        self.may_edit(location).await?;
        let base = &self.settings.base_url;
        let request = gbp::set_categories(base, location, (primary, additional), validate_only);
        self.send(&request, 1).await.map(drop)
    }

    /// Takes an edit of a location from its quota. One that is then not sent is lost, which only sends fewer.
    async fn may_edit(&mut self, location: &LocationName) -> Result<(), SliceFault> {
        let now = self.asker.now();
        let meter = self.edits.entry(location.clone()).or_insert_with(|| {
            let part = format!("edits/{location}");
            self.worker.quotas.meter_of(&self.connection, &part, self.settings.edits)
        });
        match meter.take(1, now).await? {
            Ok(()) => Ok(()),
            Err(until) => Err(SliceFault::Waits(Wait { until, reason: WaitReason::Quota })),
        }
    }

    /// Reads something, and again where that may help.
    async fn read(&mut self, request: Request) -> Result<Answer, SliceFault> {
        let mut tries = 0;
        loop {
            tries += 1;
            let fault = match self.send(&request, 1).await {
                Err(fault @ SliceFault::Vendor { may_pass: true, .. }) => fault,
                done => return done,
            };
            match again(tries, None, self.random()) {
                Again::After(pause) => self.worker.runs.outside.pause(pause).await,
                Again::NotBefore(_) | Again::Never => return Err(fault),
            }
        }
    }

    /// Sends a request with an access token; once more with another one where Google does not take it.
    async fn send(&mut self, request: &Request, soon: u32) -> Result<Answer, SliceFault> {
        let host = self.settings.base_url.host_str().unwrap_or_default().to_owned();
        self.heard = None;
        for unusable in [false, true] {
            let bad = self.access.take_if(|access| unusable || !access.lasts(self.asker.now()));
            let access = match self.access.clone() {
                Some(access) => access,
                None => self.tokens.access(bad.filter(|_| unusable).as_ref()).await?,
            };
            let answered = self.ask(access.carried_by(request.clone()), soon).await?;
            self.access = Some(access);
            let answer = match answered {
                Ok(answer) => answer,
                Err(none @ NoAnswer::Down { .. }) => return Err(down(none.to_string())),
                Err(none @ NoAnswer::TooLarge { .. }) => return Err(vendor(Failure::PageInvalid, none.to_string())),
                Err(none) => return Err(vendor(Failure::VendorNotConfigured, none.to_string())),
            };
            let now = self.asker.now();
            let (status, asked) = (answer.status.as_u16(), answer.asked(now));
            self.heard = Some(Heard { status, asked, said: told(&answer.body) });
            match gbp::said(&host, &answer, now) {
                Said::Fine => {
                    let answer = data(&host, answer)?;
                    self.heard = None;
                    return Ok(answer);
                }
                Said::Busy(until) => {
                    return Err(SliceFault::Waits(Wait { until, reason: WaitReason::RetryAfter }));
                }
                Said::Down(detail) => return Err(down(detail)),
                Said::NotPermitted(detail) => return Err(vendor(Failure::VendorNotPermitted, detail)),
                Said::Refused(detail) => return Err(vendor(Failure::RequestRefused, detail)),
                Said::Unauthorised(detail) if unusable => {
                    return Err(vendor(Failure::VendorRefusedCredentials, detail));
                }
                Said::Unauthorised(_) => {}
            }
        }
        Err(vendor(Failure::VendorRefusedCredentials, format!("{host} takes no access token")))
    }

    /// Asks once, if breaker and quota let it; a short wait for the quota is waited for.
    async fn ask(&mut self, request: Request, soon: u32) -> Result<Result<Answer, NoAnswer>, SliceFault> {
        loop {
            let wait = match self.asker.ask(request.clone(), soon).await {
                Ok(answered) => return Ok(answered),
                Err(Unasked::Fault(fault)) => return Err(fault.into()),
                Err(Unasked::Waits(wait)) => wait,
            };
            let long = wait_of(wait, self.asker.now());
            let is_short = long <= SHORT_WAIT && self.waited + long <= SHORT_WAITS_MAX;
            if wait.reason != WaitReason::Quota || !is_short {
                return Err(SliceFault::Waits(wait));
            }
            self.waited += long;
            self.worker.runs.outside.pause(long).await;
        }
    }

    fn random(&self) -> u64 {
        let bytes = self.worker.runs.outside.entropy.bytes16();
        bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// How long a wait is; at least a moment, so that those that are over end too.
fn wait_of(wait: Wait, now: Timestamp) -> Duration {
    let long = Duration::try_from(wait.until.duration_since(now)).unwrap_or_default();
    long.max(Duration::from_millis(50))
}

/// An answer of Google's is JSON, whatever it is about.
fn data(host: &str, answer: Answer) -> Result<Answer, SliceFault> {
    let checked = is_data(host, answer.header("content-type"), &answer.body, None);
    checked.map_err(|refusal| vendor(Failure::PageInvalid, refusal.to_string()))?;
    Ok(answer)
}

fn follow<'a>(
    pages: &mut gbp::Pages,
    names: impl Iterator<Item = &'a str>,
    total: Option<u64>,
    next: Option<&str>,
) -> Result<(Vec<bool>, bool), SliceFault> {
    pages.follow(names, total, next).map_err(|refusal| vendor(Failure::PagesInconsistent, refusal.to_string()))
}
