//! An entity of a pull, from where it stands: its pages to the end of the list, then what is gone, then its end. Each step can be done
//! again.

use jiff::{SignedDuration, Timestamp};

use crate::domain::catalogue::findings::Findings;
use crate::domain::connections::pull_api::{Paging, PullEntity};
use crate::domain::datasets::guard::check_removals;
use crate::domain::datasets::manifest::{Fingerprint, Layer};
use crate::domain::datasets::snapshot::Pulled;
use crate::domain::pull::basis::{Basis, OVERLAP, PullRead};
use crate::domain::pull::pages::{self, Chain, Page, Promise, Step};
use crate::domain::pull::rows::{Mapped, RowForm, read_page};
use crate::domain::runs::failure::Failure;
use crate::domain::runs::held::OnRemovals;
use crate::domain::runs::log::Moving;
use crate::domain::runs::pull::{EntityState, ListEnd, Progress, PullMode, SAMPLE_KEYS_MAX, Sample};
use crate::domain::runs::said::{self, PageSaid};
use crate::domain::time;
use crate::engine::runs::hold;
use crate::engine::runs::slice::Slice;

use super::drift::{self, Watch};
use super::held::{Held, Ours};
use super::reading::{Read, Reader};
use super::set_aside::set_aside;
use super::vendor::{Vendor, Wanted};
use super::{Ended, put};

/// For how long ahead of now nothing can have changed yet, by whatever clock.
const AHEAD: SignedDuration = SignedDuration::from_hours(48);

/// A wait that is shorter than this makes no list older than its pages are: it is gone on with, and no page read again.
const FRESH: SignedDuration = SignedDuration::from_mins(1);

/// What a connection is told whose first backfill is refused: records stay when their connection is removed.
const LEFT_BEHIND: &str = "This connection has not read the list to its end before: if one of the same name was removed, and what would go is what it left, start a backfill with allowRemovals";

/// An entity that is worked at.
struct Reading<'v> {
    vendor: &'v mut Vendor,
    entity: &'static PullEntity,
    form: RowForm,
    index: usize,
    held: Held,
    watch: Watch<'v>,
    /// Whether all that this run has read was read in this slice: a dry run keeps nothing else of what it saw.
    saw_all: bool,
    /// How fast its rows come.
    moving: Moving,
}

/// What is no longer in a list.
enum Gone {
    /// It may go.
    MayGo(Layer),
    /// Somebody must approve of that first.
    Unapproved,
}

/// Pulls an entity to its end, or to where it waits until somebody approves.
///
/// # Errors
/// Why it is not gone on with.
pub(super) async fn pull(slice: &mut Slice<'_>, vendor: &mut Vendor, index: usize) -> Result<(), Ended> {
    let name = slice.entity(index).entity.clone();
    let unknown = || Ended::Failed(Failure::VendorNotConfigured, format!("there is no entity {name} any more"));
    let entity = vendor.api.entity(&name).ok_or_else(unknown)?;
    let no_path = || Ended::Failed(Failure::VendorNotConfigured, "a path of its fields is none".to_owned());
    let form = RowForm::of(entity, &vendor.settings.volatile).ok_or_else(no_path)?;
    let dataset = slice.run.connection.dataset(name);
    // A page that was committed and did not arrive for sure is asked for again, in its own place.
    let now = slice.now();
    let work = slice.entity(index);
    let is_removing = work.state == EntityState::Removing;
    let committed = work.progress.clone();
    let in_doubt = work.before.clone();
    if let Some(before) = in_doubt.clone() {
        work.progress = before;
    }
    let mut moving = Moving::default();
    moving.note(work.last_page_at.unwrap_or(now), work.progress.chain.rows());
    let (arrived, first_pass, is_begun) = (work.progress.commits, work.progress.first_pass, work.began_at.is_some());
    let known = drift::known(slice, &dataset).await?;
    let watch = Watch::new(&known, vendor.settings.drift(&dataset.entity));
    let held = Held::load(slice, dataset, Ours { is_begun, arrived, first_pass }).await?;
    let mut reading = Reading { vendor, entity, form, index, held, watch, saw_all: !is_begun, moving };
    if reading.held.pulled().is_some_and(|pulled| pulled.run_id == slice.run.id) {
        // Its end was committed, and nobody learned of it.
        slice.entity(index).state = EntityState::Done;
        return Ok(());
    }
    if is_removing && !reading.held.touched.is_empty() {
        slice.entity(index).progress = committed;
        return reading.remove(slice).await;
    }
    if let Some(before) = in_doubt.filter(|_| !is_removing) {
        slice.run.say(said::page_again(&reading.held.dataset.entity, &before, now));
    }
    reading.begin(slice).await?;
    let paging = reading.promise().paging;
    let now = slice.now();
    let work = slice.entity(index);
    work.state = EntityState::Running;
    // Within a slice a page may be as old as that before the next is asked for.
    let is_fresh = work.last_page_at.is_some_and(|came| now.duration_since(came) < FRESH);
    if work.progress.end.is_none() && !is_fresh {
        work.progress.chain = std::mem::take(&mut work.progress.chain).resumed(paging);
    }
    let done = reading.go_on(slice).await;
    // Also of what came before a fault, a wait or the end of the slice's time.
    let kept = reading.keep_shape(slice, false).await;
    done.and(kept)
}

impl Reading<'_> {
    fn promise(&self) -> Promise {
        let paging = match self.vendor.api.paging {
            Paging::Numbered { .. } => pages::Paging::Number,
            Paging::Tokens { .. } => pages::Paging::Token,
        };
        let page_size = usize::try_from(self.vendor.settings.page_rows).unwrap_or(usize::MAX);
        Promise { paging, page_size, all_full: false }
    }

    /// The last pull of it that went well, by this connection.
    fn last(&self) -> Option<&Pulled> {
        self.held.pulled().filter(|last| self.vendor.has_run(&last.run_id))
    }

    /// When its first page was asked for.
    fn began_at(&self, slice: &mut Slice<'_>) -> Timestamp {
        let now = slice.now();
        slice.entity(self.index).began_at.unwrap_or(now)
    }

    /// Decides since when changes are asked for, the first time that the entity is worked at.
    async fn begin(&mut self, slice: &mut Slice<'_>) -> Result<(), Ended> {
        let now = slice.now();
        let work = slice.pull();
        let (mode, asked) = (work.mode, work.since);
        let entity = slice.entity(self.index);
        if entity.began_at.is_some() {
            return Ok(());
        }
        let last = self.last();
        let since = asked.or_else(|| last?.basis().since());
        let since = since.filter(|_| mode == PullMode::Delta && self.entity.since.is_some());
        let known = last.and_then(|last| last.filters);
        let filters = match (since, known) {
            (None, known) => known.filter(|_| mode == PullMode::Delta),
            (Some(_), Some(known)) => Some(known),
            (Some(_), None) => Some(self.heeds_times(slice).await?),
        };
        let entity = slice.entity(self.index);
        (entity.since, entity.filters) = (since.filter(|_| filters == Some(true)), filters);
        (entity.began_at, entity.state, entity.half_tried) = (Some(now), EntityState::Running, false);
        let line = said::began(entity, now);
        slice.run.say(line);
        Ok(())
    }

    /// Whether the vendor heeds what rows are asked for by their time. Nothing has changed since a time that is ahead, and all
    /// since the beginning of time: who answers the first with rows passes the parameter over, and who answers the second
    /// with none reads it as something else.
    async fn heeds_times(&mut self, slice: &mut Slice<'_>) -> Result<bool, Ended> {
        let ahead = slice.now().checked_add(AHEAD).unwrap_or(Timestamp::MAX);
        let tried = usize::from(slice.entity(self.index).half_tried);
        for (since, has_rows) in [(ahead, false), (Timestamp::UNIX_EPOCH, true)].into_iter().skip(tried) {
            let since = time::text(since);
            let wanted = Wanted { number: 1, token: None, since: Some(&since), follow: 1 };
            let answer = match self.vendor.page(slice, self.entity, wanted).await {
                // It takes no such parameter, or no such value.
                Err(Ended::Failed(Failure::PageInvalid, _)) => return Ok(false),
                answered => answered?,
            };
            let page = read_page(self.vendor.api, &answer.body);
            if page.map_or(true, |page| page.rows.is_empty() == has_rows) {
                return Ok(false);
            }
            slice.entity(self.index).half_tried = true;
        }
        Ok(true)
    }

    async fn go_on(&mut self, slice: &mut Slice<'_>) -> Result<(), Ended> {
        loop {
            while slice.entity(self.index).progress.end.is_none() {
                self.page(slice).await?;
            }
            let removals = match self.removals(slice)? {
                Gone::MayGo(removals) => removals,
                Gone::Unapproved => return self.hold(slice).await,
            };
            let progress = &mut slice.entity(self.index).progress;
            if removals.is_empty() {
                return self.finish(slice).await;
            }
            if progress.end == Some(ListEnd::Confirm) && progress.first_pass.is_none() {
                // A row that another one's going has moved to a page that was read before is in no page.
                progress.first_pass = Some(progress.chain.pages());
                (progress.chain, progress.token, progress.end) = (Chain::default(), None, None);
                self.held.known.begin_again();
                let now = slice.now();
                slice.run.say(said::list_again(&self.held.dataset.entity, now));
                continue;
            }
            self.name_removals(slice, removals).await?;
            return self.remove(slice).await;
        }
    }

    /// How many pages follow the next one, as far as the vendor has said.
    fn pages_left(&self, progress: &Progress) -> u32 {
        let left = progress.chain.total().map_or(0, |total| total.saturating_sub(progress.chain.rows()));
        u32::try_from(left.div_ceil(self.vendor.settings.page_rows).saturating_sub(1)).unwrap_or(u32::MAX - 1)
    }

    /// Asks for the next page, compares it, commits it, and puts what it changed.
    async fn page(&mut self, slice: &mut Slice<'_>) -> Result<(), Ended> {
        let entity = slice.entity(self.index);
        let before = entity.progress.clone();
        let since = entity.since.map(time::text);
        let follow = self.pages_left(&before);
        let wanted = Wanted {
            number: before.chain.next_number(),
            token: before.token.as_deref(),
            since: since.as_deref(),
            follow,
        };
        let answer = self.vendor.page(slice, self.entity, wanted).await?;
        let invalid = |why: String| Ended::Failed(Failure::PageInvalid, why);
        let page = match read_page(self.vendor.api, &answer.body) {
            Ok(page) => page,
            Err(no_page) => {
                self.vendor.hear(&answer);
                return Err(invalid(no_page.to_string()));
            }
        };
        let (total, next, rows) = (page.total, page.next, page.rows.len());
        let began_at = self.began_at(slice);
        let name = &self.held.dataset.connection.name;
        let mut read = Reader { entity: self.entity, form: &self.form, name, began_at }.read(page.rows);
        let again = self.held.known.again(&read.keys);
        let late = self.late(&read, slice.entity(self.index).since, began_at);
        let seen = Page { keys: &read.keys, again, total, next: next.as_deref(), late };
        let inconsistent = |refusal: pages::Refusal| Ended::Failed(Failure::PagesInconsistent, refusal.to_string());
        let (chain, step) = before.chain.follow(&self.promise(), &seen).map_err(inconsistent)?;
        if before.chain.rereads() {
            slice.entity(self.index).progress.chain = chain;
            return Ok(());
        }
        if !self.held.known.has_room_for(read.rows.len()) {
            return Err(Ended::Failed(
                Failure::TooManyRows,
                "the entity has more rows than a pull can hold".to_owned(),
            ));
        }
        let changes = self.held.known.compare(&read.entries(), &self.held.touched, before.counts);
        self.watch.look(changes.rows.iter().filter_map(|place| read.rows.get(*place)).map(|(row, _)| row))?;
        let unmapped = std::mem::take(&mut read.unmapped);
        let (set_aside, not_taken) = set_aside(slice, &self.held.dataset, &before, unmapped).await?;
        let end = match step {
            Step::More => None,
            Step::End(proof) => Some(ListEnd::from(proof)),
        };
        let first_pass = before.first_pass;
        let commits = before.commits + 1;
        let progress = Progress { chain, commits, token: next, end, first_pass, counts: changes.counts, set_aside };
        let now = slice.now();
        let is_dry = slice.run.mode.is_dry();
        let entity = slice.entity(self.index);
        (entity.progress, entity.last_page_at) = (progress, Some(now));
        self.moving.note(now, entity.progress.chain.rows());
        let (changed, asked) = (changes.rows.len(), answer.asked(now));
        let said = PageSaid { entity, rows, changed, set_aside: set_aside - before.set_aside, asked: &asked };
        let line = said::page(&said, &self.moving, now);
        slice.run.say(line);
        not_taken.into_iter().for_each(|line| slice.run.say(line));
        let entity = slice.entity(self.index);
        if is_dry {
            let Sample { created, updated, .. } = &mut entity.sample;
            changes.created.iter().for_each(|place| Sample::add(created, read.id(*place)));
            changes.updated.iter().for_each(|place| Sample::add(updated, read.id(*place)));
            self.held.tell(slice).await?;
            self.held.arrived(&changes);
            return Ok(());
        }
        entity.before = Some(before);
        let is_backfill = slice.pull().mode == PullMode::Backfill;
        let seen = if is_backfill { &changes.seen[..] } else { &[] };
        self.held.commit(slice, commits, &changes.layer, seen).await?;
        let records = read.records(&changes.rows);
        put::put(slice, &self.held.dataset, began_at, records).await?;
        slice.entity(self.index).before = None;
        self.held.arrived(&changes);
        Ok(())
    }

    /// How many rows of a page may have come into the list since its first page was asked for, as their time says it: of the whole list
    /// new ones alone. Of those that cannot be taken nobody knows.
    fn late(&self, read: &Read<'_>, since: Option<Timestamp>, began_at: Timestamp) -> usize {
        let from = began_at.checked_sub(OVERLAP).unwrap_or(began_at);
        let may_be_late = |row: &Mapped<'_>| {
            let is_recent = row.version.is_none_or(|version| version.moment() >= from);
            is_recent && (since.is_some() || !self.held.known.had(row.entry.fingerprint))
        };
        read.rows.iter().filter(|(row, _)| may_be_late(row)).count() + read.unmapped.len()
    }

    /// Whether the list that was read can have passed no row over.
    fn is_sure(&self, progress: &Progress, is_backfill: bool) -> bool {
        // Of a delta nobody knows after a wait which rows came before it. Of two passes no row is missing from both.
        let told_apart = is_backfill || self.saw_all;
        progress.first_pass.is_some() || progress.chain.has_passed_over_none(self.promise().paging, told_apart)
    }

    /// What is gone, once the whole list was read: nothing where that is not proven.
    fn removals(&mut self, slice: &mut Slice<'_>) -> Result<Gone, Ended> {
        let allowed = slice.pull().allow_removals;
        let is_backfill = slice.pull().mode == PullMode::Backfill;
        let is_dry = slice.run.mode.is_dry();
        let progress = &mut slice.entity(self.index).progress;
        // Nobody knows whose the rows are that were set aside.
        let is_proven = matches!(progress.end, Some(ListEnd::Whole | ListEnd::Confirm)) && progress.set_aside == 0;
        let knows_all = (self.saw_all || !is_dry) && self.held.known.seen() >= progress.chain.rows();
        // Rows that go and come while a list is read by numbers shift the others, and may do so in the same places twice. Then the second
        // pass lacks a row that the first one had: nothing goes until a list stood still for the two.
        let stood_still = progress.first_pass.is_none() || self.held.known.seen() == progress.chain.rows();
        // What the first pass took for gone is not.
        progress.counts.removed = 0;
        if !is_backfill || !is_proven || !knows_all || !stood_still {
            return Ok(Gone::MayGo(Layer::default()));
        }
        let (gone, counted) = self.held.known.gone();
        progress.counts.removed = counted;
        let Err(refused) = check_removals(&progress.counts, &Findings::default(), allowed) else {
            return Ok(Gone::MayGo(Layer { puts: Vec::new(), removals: gone }));
        };
        if self.vendor.settings.on_removals == OnRemovals::Hold {
            let may_go = is_dry || self.is_let_go(slice, counted);
            let removals = Layer { puts: Vec::new(), removals: gone };
            return Ok(if may_go { Gone::MayGo(removals) } else { Gone::Unapproved });
        }
        let whole_at = self.last().and_then(|last| last.whole_at);
        let why = if whole_at.is_some() { refused.to_string() } else { format!("{refused}. {LEFT_BEHIND}") };
        Err(Ended::Failed(Failure::RemovalsRefused, why))
    }

    /// Whether so many rows may go, beside those of other entities, as somebody approved of it.
    fn is_let_go(&self, slice: &mut Slice<'_>, rows: u64) -> bool {
        let let_go = slice.pull().let_go;
        hold::approved_max(slice).is_some_and(|max| let_go.saturating_add(rows) <= max)
    }

    /// Leaves it until somebody approves. What was read is made a layer, as at an end, and the list is read anew then: it is days old by
    /// that time. A crash before the commit leaves a list that was read to its end, and one after it an entity that waits.
    async fn hold(&mut self, slice: &mut Slice<'_>) -> Result<(), Ended> {
        let (gone, rows) = self.held.known.gone();
        self.sample_gone(slice, &gone).await?;
        let now = slice.now();
        slice.run.say(said::held(&self.held.dataset.entity, rows, now));
        let entity = slice.entity(self.index);
        entity.state = EntityState::Held;
        entity.before = None;
        // Also where nobody knows whether it was stored: what is then left of its pages is taken for another run's.
        Ok(self.held.finish(slice, None).await?)
    }

    /// Makes the removals durable before any record goes.
    async fn name_removals(&mut self, slice: &mut Slice<'_>, removals: Layer) -> Result<(), Ended> {
        let is_dry = slice.run.mode.is_dry();
        let now = slice.now();
        slice.run.say(said::gone(&self.held.dataset.entity, removals.removals.len(), now));
        if is_dry {
            self.sample_gone(slice, &removals.removals).await?;
        }
        let entity = slice.entity(self.index);
        entity.state = EntityState::Removing;
        if !is_dry {
            entity.before = Some(entity.progress.clone());
            entity.progress.commits += 1;
            let commit = entity.progress.commits;
            let may_all_go = check_removals(&entity.progress.counts, &Findings::default(), false).is_ok();
            let rows = if may_all_go { 0 } else { entity.progress.counts.removed };
            slice.pull().let_go += rows;
            let named = self.held.commit(slice, commit, &removals, &[]).await;
            if named.is_err() {
                slice.pull().let_go -= rows;
            }
            named?;
        }
        self.held.touched = removals;
        Ok(())
    }

    /// Names some of what would go.
    async fn sample_gone(&self, slice: &mut Slice<'_>, gone: &[Fingerprint]) -> Result<(), Ended> {
        let some = gone.get(..SAMPLE_KEYS_MAX).unwrap_or(gone);
        let names = hold::names_of(slice, &self.held.dataset, some).await?;
        let removed = &mut slice.entity(self.index).sample.removed;
        names.iter().for_each(|name| Sample::add(removed, name));
        Ok(())
    }

    async fn remove(&mut self, slice: &mut Slice<'_>) -> Result<(), Ended> {
        let removals = std::mem::take(&mut self.held.touched);
        if !slice.run.mode.is_dry() {
            let began_at = self.began_at(slice);
            put::remove(slice, &self.held.dataset, self.entity, began_at, &removals.removals).await?;
        }
        self.held.known.add(&removals, &[]);
        self.finish(slice).await
    }

    async fn keep_shape(&mut self, slice: &mut Slice<'_>, ended: bool) -> Result<(), Ended> {
        Ok(self.watch.keep(slice, self.index, &self.held.dataset, ended).await?)
    }

    async fn finish(&mut self, slice: &mut Slice<'_>) -> Result<(), Ended> {
        self.keep_shape(slice, true).await?;
        let ended_at = slice.now();
        let is_backfill = slice.pull().mode == PullMode::Backfill;
        let run_id = slice.run.id.clone();
        let entity = slice.entity(self.index);
        let (state, before) = (entity.state, entity.before.take());
        entity.state = EntityState::Done;
        entity.count_earlier();
        let began_at = entity.began_at.unwrap_or(ended_at);
        let (since, filters) = (entity.since, entity.filters);
        let is_sure = self.is_sure(&entity.progress, is_backfill);
        let line = said::done(entity, ended_at);
        slice.run.say(line);
        if slice.run.mode.is_dry() {
            return Ok(());
        }
        let last = self.last();
        let basis = last.map_or(Basis::NOTHING, Pulled::basis).after(PullRead { since, began_at, is_sure });
        let pulled = Pulled {
            run_id,
            began_at: basis.known_to,
            read_once_to: basis.read_once_to,
            ended_at,
            records: self.held.known.rows(),
            whole_at: if is_backfill { Some(began_at) } else { last.and_then(|last| last.whole_at) },
            filters,
        };
        let done = self.held.finish(slice, Some(pulled)).await;
        if done.is_err() {
            // Where it was committed all the same, the manifest says so.
            let entity = slice.entity(self.index);
            (entity.state, entity.before) = (state, before);
        }
        Ok(done?)
    }
}
