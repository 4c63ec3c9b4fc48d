//! What is sent: an Adaptive Card for a Workflow of Teams, and the body of a webhook. Texts of vendors are in both, so a card has them
//! as runs of plain text, in which nothing is markup.

use serde_json::{Value, json};

use super::delivery::{Line, Message};
use super::rules::Severity;
use crate::domain::time;

/// The most bytes of a card with its envelope: Teams refuses larger ones.
pub const CARD_BYTES_MAX: usize = 28 * 1024;
/// What is left for how many are left out.
const REST_BYTES: usize = 512;

/// The body for a Workflow of Teams, with as many lines as there is room for.
#[must_use]
pub fn card(message: &Message, link: Option<&str>) -> Value {
    let mut body = vec![text(&message.title(), Some("Bolder"), colour(message))];
    let mut bytes = envelope(body.clone(), link).to_string().len() + REST_BYTES;
    let mut shown: u64 = 0;
    for line in &message.lines {
        let said = container(line);
        // And a comma.
        bytes += said.to_string().len() + 1;
        if bytes > CARD_BYTES_MAX {
            break;
        }
        body.push(said);
        shown += 1;
    }
    if message.total > shown {
        body.push(text(&format!("and {} more", message.total - shown), None, "Default"));
    }
    envelope(body, link)
}

/// The envelope of Workflows around a card of these parts.
#[must_use]
pub fn envelope(body: Vec<Value>, link: Option<&str>) -> Value {
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if let Some(link) = link {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "Open Signalbox", "url": link}]);
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn container(line: &Line) -> Value {
    let said = format!("{}: {}", line.word(), line.title);
    json!({
        "type": "Container",
        "separator": true,
        "items": [
            text(&said, Some("Bolder"), colour_of(line)),
            text(&line.detail, None, "Default"),
            text(&time::text(line.at), None, "Default"),
        ],
    })
}

/// A line of plain text.
#[must_use]
pub fn text(text: &str, weight: Option<&str>, colour: &str) -> Value {
    // An empty run is refused.
    let text = if text.is_empty() { " " } else { text };
    let mut run = json!({"type": "TextRun", "text": text, "color": colour});
    if let Some(weight) = weight {
        run["weight"] = json!(weight);
    }
    json!({"type": "RichTextBlock", "inlines": [run]})
}

fn colour(message: &Message) -> &'static str {
    match (message.opened, message.severe) {
        (0, _) => "Good",
        (_, 0) => "Warning",
        _ => "Attention",
    }
}

fn colour_of(line: &Line) -> &'static str {
    match (line.open, line.severity) {
        (false, _) => "Good",
        (true, Severity::Warning) => "Warning",
        (true, Severity::Severe) => "Attention",
    }
}

/// The body of a webhook.
#[must_use]
pub fn webhook(message: &Message, link: Option<&str>) -> Value {
    let lines = message.lines.iter().map(|line| {
        json!({
            "id": line.alert, "transition": line.transition.as_str(), "severity": line.severity.as_str(),
            "flapping": line.flapping, "open": line.open, "title": line.title, "detail": line.detail, "at": time::text(line.at),
        })
    });
    json!({
        "type": "alerts.changed",
        "timestamp": time::text(message.at),
        "data": {
            "id": message.id,
            "tenant": message.channel.tenant,
            "title": message.title(),
            "text": message.text(),
            "alerts": lines.collect::<Vec<_>>(),
            "total": message.total,
            "link": link,
        },
    })
}
