//! Linking a brand: a token for the pages where its owner agrees, a code that they give, and the connection it is
//! exchanged for.

use std::collections::{BTreeMap, VecDeque};

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{INTEGRATION, refusal, refused};
use crate::answer::{Answer, Call};
use crate::rows::{FIRST_MS, Seed, written};
use crate::state::State;

/// The most connections, and the most that can be under way.
const CONNECTIONS_MAX: usize = 100;

struct Connection {
    access_token: String,
    created_ms: i64,
}

/// Somebody is about to link: a connection anew, or one that is there once more.
#[derive(Clone)]
struct Pending {
    secret: String,
    connection: Option<String>,
}

/// The connections there are, and those under way.
pub(crate) struct Links {
    seed: Seed,
    /// How many secrets were made.
    made: u64,
    connections: BTreeMap<String, Connection>,
    tokens: VecDeque<Pending>,
    codes: VecDeque<Pending>,
}

impl Links {
    /// With one connection, that is there from the start.
    pub(crate) fn new(seed: Seed) -> Self {
        let mut links =
            Self { seed, made: 0, connections: BTreeMap::new(), tokens: VecDeque::new(), codes: VecDeque::new() };
        links.connect(None, FIRST_MS);
        links
    }

    fn secret(&mut self, kind: &str) -> String {
        self.made += 1;
        self.seed.secret(kind, self.made)
    }

    /// The id of the connection, which has another token from now on.
    fn connect(&mut self, again: Option<String>, now_ms: i64) -> String {
        let id = again.unwrap_or_else(|| self.secret("connection"));
        let access_token = self.secret("access");
        self.connections.insert(id.clone(), Connection { access_token, created_ms: now_ms });
        id
    }

    pub(crate) fn is_open(&self, access_token: &str) -> bool {
        self.connections.values().any(|connection| connection.access_token == access_token)
    }

    /// The connection of an access token is gone, and its token with it: its id.
    fn disconnect(&mut self, access_token: &str) -> Option<String> {
        let found = self.connections.iter().find(|(_, connection)| connection.access_token == access_token);
        let id = found.map(|(id, _)| id.clone())?;
        self.connections.remove(&id);
        Some(id)
    }

    /// The access token of a connection.
    pub(crate) fn token_of(&self, id: &str) -> Option<&str> {
        Some(self.connections.get(id)?.access_token.as_str())
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.connections.len()
    }

    /// The token of the oldest connection: of the one that was there from the start, unless it was removed.
    pub(crate) fn first(&self) -> Option<&str> {
        let oldest = self.connections.values().min_by_key(|connection| connection.created_ms);
        oldest.map(|connection| connection.access_token.as_str())
    }

    /// The id of that connection.
    pub(crate) fn first_id(&self) -> Option<&str> {
        let oldest = self.connections.iter().min_by_key(|(_, connection)| connection.created_ms);
        oldest.map(|(id, _)| id.as_str())
    }

    fn link_token(&mut self, connection: Option<String>) -> String {
        let secret = self.secret("link");
        push(&mut self.tokens, Pending { secret: secret.clone(), connection });
        secret
    }

    /// What the pages of Trackstar do once somebody has agreed: a code in place of the token.
    pub(crate) fn agree(&mut self, link_token: &str) -> Option<String> {
        let agreed = take(&mut self.tokens, link_token)?;
        let secret = self.secret("code");
        push(&mut self.codes, Pending { secret: secret.clone(), ..agreed });
        Some(secret)
    }
}

fn push(queue: &mut VecDeque<Pending>, pending: Pending) {
    if queue.len() == CONNECTIONS_MAX {
        queue.pop_front();
    }
    queue.push_back(pending);
}

fn take(queue: &mut VecDeque<Pending>, secret: &str) -> Option<Pending> {
    let at = queue.iter().position(|pending| pending.secret == secret)?;
    queue.remove(at)
}

pub(super) fn answer(state: &mut State, call: &Call, now: Timestamp) -> Answer {
    let parts: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    let actions: Vec<String> = state
        .options
        .vendor
        .entities()
        .filter(|name| !state.options.without.iter().any(|without| without == name))
        .map(|name| format!("get_{}", name.replace('-', "_")))
        .collect();
    let links = &mut state.links;
    match (&call.method, parts.as_slice()) {
        (&Method::POST, ["link", "token"]) => {
            let again = call.body_text("connection_id");
            if again.as_ref().is_some_and(|id| !links.connections.contains_key(id)) {
                return refusal(404);
            }
            Answer::json(200, &json!({"link_token": links.link_token(again)}))
        }
        (&Method::POST, ["link", "exchange"]) => {
            let code = call.body_text("auth_code").and_then(|code| take(&mut links.codes, &code));
            let Some(agreed) = code else { return refused(400, "Invalid auth_code") };
            if links.connections.len() >= CONNECTIONS_MAX && agreed.connection.is_none() {
                return refused(400, "Too many connections");
            }
            let id = links.connect(agreed.connection, now.as_millisecond());
            let access_token = &links.connections[&id].access_token;
            Answer::json(
                200,
                &json!({
                    "access_token": access_token, "connection_id": id, "integration_name": INTEGRATION,
                    "customer_id": call.body_text("customer_id"), "available_actions": actions,
                }),
            )
        }
        (&Method::GET, ["connections"]) => {
            let all: Vec<Value> = links.connections.iter().map(|(id, found)| shown(id, found, &actions)).collect();
            Answer::json(200, &json!({"data": all, "next_token": null}))
        }
        (&Method::GET, ["connections", id]) => links
            .connections
            .get(*id)
            .map_or_else(|| refusal(404), |found| Answer::json(200, &shown(id, found, &actions))),
        (&Method::DELETE, ["connections"]) => {
            match call.header("x-trackstar-access-token").and_then(|token| links.disconnect(token)) {
                None => refused(401, "Invalid access token"),
                Some(id) => Answer::json(200, &json!({"id": id, "object": "connection", "deleted": true})),
            }
        }
        _ => refusal(404),
    }
}

fn shown(id: &str, connection: &Connection, actions: &[String]) -> Value {
    json!({
        "id": id,
        "integration_name": INTEGRATION,
        "integration_type": "wms",
        "created_date": written(connection.created_ms),
        "available_actions": actions,
        "errors": [],
    })
}
