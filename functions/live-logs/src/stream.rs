//! What is sent to one who watches: what is stored, as it comes, and now and then a sign of life.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::iter;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use signalbox::aws::faults::AwsFault;
use signalbox::aws::runs::log::{LogEntry, LogReads};
use signalbox::domain::ids::{Connection, RunId};
use signalbox::domain::runs::log::{Line, LogFilter, LogPlace};
use signalbox::http::stream_ticket::StreamTicket;
use signalbox::http::wire::log_line::LogLineView;
use signalbox::outside::{Clock, Outside, Shutdown};

/// How often the log is read.
const READ_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// After how long without an event there is a sign of life: whatever lies between two machines closes what is silent.
const BEAT_AFTER: SignedDuration = SignedDuration::from_secs(15);
/// How long a stream lasts. A client that is gone does not end a function, and its time is paid for: one that is there comes again.
const LASTS: SignedDuration = SignedDuration::from_secs(55);
/// How long a client waits before it comes again.
const COME_AGAIN: Duration = Duration::from_secs(3);
/// With how many lines a stream begins where the client says not from where to go on.
const FIRST_LINES: usize = 200;
/// How many entries are looked at for them: as many as there are lines, and where a filter leaves too few, older ones, so many at a time
/// and so often. They are some 15,000, a busy week.
const OLDER_ENTRIES: usize = 1_000;
const OLDER_READS: usize = 15;

/// A stream that somebody watches.
pub(crate) struct Following {
    logs: LogReads,
    clock: Clock,
    shutdown: Shutdown,
    connection: Connection,
    filter: LogFilter,
    /// Whether it goes on once all is sent that there is.
    follow: bool,
    /// Up to where the log was read.
    place: LogPlace,
    /// The id that the client has.
    told: Option<LogPlace>,
    /// What is to be sent, each with the id that the client has then: no more than one page of the log.
    ready: VecDeque<(Option<LogPlace>, Event)>,
    more: bool,
    read_at: Timestamp,
    beat_at: Timestamp,
    ends_at: Timestamp,
}

fn after(now: Timestamp, time: SignedDuration) -> Timestamp {
    now.checked_add(time).unwrap_or(Timestamp::MAX)
}

fn event(run: &RunId, place: &LogPlace, line: &Line) -> Event {
    let data = serde_json::to_string(&LogLineView::new(run, line)).unwrap_or_default();
    Event::default().event("log").id(place.to_string()).data(data)
}

impl Following {
    /// Begins behind a place, or with the newest lines.
    pub(crate) async fn begin(
        logs: LogReads,
        outside: &Outside,
        ticket: StreamTicket,
        place: Option<LogPlace>,
    ) -> Result<Self, AwsFault> {
        let now = outside.clock.now();
        let StreamTicket { connection, filter, follow, .. } = ticket;
        let mut this = Self {
            logs,
            clock: outside.clock.clone(),
            shutdown: outside.shutdown.clone(),
            connection,
            filter,
            follow,
            place: LogPlace::Start,
            told: None,
            ready: VecDeque::new(),
            more: true,
            read_at: now,
            beat_at: after(now, BEAT_AFTER),
            ends_at: after(now, LASTS),
        };
        match place {
            Some(place) => this.place = place,
            None => this.newest().await?,
        }
        let message = format!("Watching the runs of {}.", this.connection);
        let connected =
            Event::default().event("connected").retry(COME_AGAIN).data(json!({"message": message}).to_string());
        // Lines that follow have ids; without any, who comes again goes on from here.
        let (id, connected) = match this.ready.is_empty() {
            true => (Some(this.place.clone()), connected.id(this.place.to_string())),
            false => (None, connected),
        };
        this.ready.push_front((id, connected));
        Ok(this)
    }

    async fn newest(&mut self) -> Result<(), AwsFault> {
        let mut before = None;
        for entries_max in iter::once(FIRST_LINES).chain(iter::repeat_n(OLDER_ENTRIES, OLDER_READS)) {
            let page = self.logs.newest(&self.connection, &self.filter, before.as_ref(), entries_max).await?;
            if let (None, Some(LogEntry { run, number, lines })) = (&before, page.entries.first()) {
                let line = lines.len().saturating_sub(1);
                self.place = LogPlace::Behind { run: run.clone(), entry: *number, line };
            }
            page.entries.iter().for_each(|entry| self.put_before(entry));
            before = page.entries.last().map(|oldest| (oldest.run.clone(), oldest.number));
            if self.ready.len() >= FIRST_LINES || !page.more || before.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Puts the lines of an older entry before what is ready.
    fn put_before(&mut self, LogEntry { run, number, lines }: &LogEntry) {
        for (line, said) in lines.iter().enumerate().rev() {
            if self.ready.len() < FIRST_LINES && self.filter.wants(run, said) {
                let place = LogPlace::Behind { run: run.clone(), entry: *number, line };
                let event = event(run, &place, said);
                self.ready.push_front((Some(place), event));
            }
        }
    }

    fn take(&mut self, LogEntry { run, number, lines }: LogEntry) {
        let first = match &self.place {
            LogPlace::Behind { run: before, entry, line } if *before == run && *entry == number => {
                line.saturating_add(1)
            }
            _ => 0,
        };
        for (line, said) in lines.iter().enumerate().skip(first) {
            let place = LogPlace::Behind { run: run.clone(), entry: number, line };
            if self.filter.wants(&run, said) {
                let event = event(&run, &place, said);
                self.ready.push_back((Some(place.clone()), event));
            }
            self.place = place;
        }
    }

    /// Reads what has come. What cannot be read now is read the next time.
    async fn read(&mut self, now: Timestamp) {
        match self.logs.from_place(&self.connection, &self.place, &self.filter).await {
            Ok(page) => {
                self.more = page.more;
                self.read_at = if page.more { now } else { after(now, READ_EVERY) };
                page.entries.into_iter().for_each(|entry| self.take(entry));
            }
            Err(fault) => {
                self.read_at = after(now, READ_EVERY);
                tracing::warn!(%fault, connection = %self.connection, "log not read");
            }
        }
    }

    /// A sign of life, with the id of what was passed over since the last line that was wanted: so who comes again need not read that
    /// again. An event without data is none to the client.
    fn beat(&mut self) -> Event {
        let beat = Event::default().comment("");
        if self.told.as_ref() == Some(&self.place) {
            return beat;
        }
        self.told = Some(self.place.clone());
        beat.id(self.place.to_string())
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let now = self.clock.now();
            if now >= self.ends_at || self.shutdown.is_announced() {
                return None;
            }
            if let Some((id, event)) = self.ready.pop_front() {
                self.told = id.or(self.told.take());
                self.beat_at = after(now, BEAT_AFTER);
                return Some(event);
            }
            if !self.follow && !self.more {
                return None;
            }
            if now >= self.read_at {
                self.read(now).await;
                continue;
            }
            if now >= self.beat_at {
                self.beat_at = after(now, BEAT_AFTER);
                return Some(self.beat());
            }
            let wait = Duration::try_from(self.read_at.duration_since(self.clock.now())).unwrap_or_default();
            let _passed = self.clock.within(wait, std::future::pending::<()>()).await;
        }
    }

    /// The answer. An event is made when the client has taken the one before it.
    pub(crate) fn into_response(self) -> Response {
        let events = stream::unfold(self, async |mut this| {
            let event = this.next().await?;
            Some((Ok::<_, Infallible>(event), this))
        });
        let mut response = Sse::new(Box::pin(events)).into_response();
        // Behind a proxy that gathers answers, nothing would come until the end.
        response.headers_mut().insert("x-accel-buffering", http::HeaderValue::from_static("no"));
        response
    }
}
