//! What a digest says: as text, as HTML, and as a card for Teams. Reasons of vendors are in it, so nothing of them is markup anywhere.

use serde_json::{Value, json};

use super::figures::Figures;
use super::recipient::Scope;
use crate::domain::alerts::card::{envelope, text as run};
use crate::domain::ids::TenantId;
use crate::domain::mirror::log::MirrorLog;
use crate::domain::time;

/// Where things are shown.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Where the console is.
    pub console: Option<&'a str>,
    /// Where who gets it says that they do not want it any more.
    pub unsubscribe: Option<&'a str>,
}

/// A digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same, for who sees more than text.
    pub html: String,
}

/// The figures by name.
fn figures(of: &Figures) -> [(&'static str, String); 5] {
    let tally = &of.tally;
    [
        ("Runs", tally.runs.to_string()),
        ("Went well", of.rate()),
        ("Out of sync", tally.out_of_sync.to_string()),
        ("Failed", tally.failed.to_string()),
        ("Skipped", tally.skipped.to_string()),
    ]
}

fn subject(of: &Figures, tenant: &TenantId, scope: Scope) -> String {
    let whose = match scope {
        Scope::Tenant => tenant.to_string(),
        Scope::Platform => "all tenants".to_owned(),
    };
    let (first, last) = of.week.days();
    format!("Category mirrors of {whose}, {first} to {last}: {} failed of {}", of.tally.failed, of.tally.runs)
}

/// What failed, and why, in a line.
fn failure(row: &MirrorLog) -> String {
    let whose = row.tenant_id.as_ref().map_or_else(|| "all tenants".to_owned(), ToString::to_string);
    let why = row.error.as_deref().or(row.code.as_deref()).unwrap_or("no reason is known");
    format!("{whose}, {}: {why}", time::text(row.started_at))
}

/// Where the console shows the mirrors.
fn page(console: &str, tenant: &TenantId, scope: Scope) -> String {
    match scope {
        Scope::Tenant => format!("{console}/settings/admin/gbp-sync?for={tenant}"),
        Scope::Platform => format!("{console}/settings/admin/gbp-sync"),
    }
}

fn place(console: &str, row: &MirrorLog) -> String {
    let whose = row.tenant_id.as_ref().map(|tenant| format!("for={tenant}&")).unwrap_or_default();
    format!("{console}/settings/admin/gbp-sync?{whose}open={}", row.id)
}

fn left_out(of: &Figures) -> Option<String> {
    let more = of.tally.failed.saturating_sub(of.failures.len() as u64);
    (more > 0).then(|| format!("and {more} more"))
}

/// A digest by mail.
#[must_use]
pub fn letter(of: &Figures, tenant: &TenantId, scope: Scope, places: Places<'_>) -> Letter {
    let subject = subject(of, tenant, scope);
    Letter {
        text: plain(of, &subject, tenant, scope, places),
        html: html(of, &subject, tenant, scope, places),
        subject,
    }
}

fn plain(of: &Figures, subject: &str, tenant: &TenantId, scope: Scope, places: Places<'_>) -> String {
    let mut lines = vec![subject.to_owned(), String::new()];
    lines.extend(figures(of).map(|(name, value)| format!("{name}: {value}")));
    lines.extend([String::new(), "What failed:".to_owned()]);
    for row in &of.failures {
        lines.push(format!("- {}", failure(row)));
        lines.extend(places.console.map(|console| format!("  {}", place(console, row))));
    }
    lines.extend(left_out(of));
    if of.failures.is_empty() && of.tally.failed == 0 {
        lines.push("nothing".to_owned());
    }
    lines.extend(places.console.map(|console| format!("\nAll of them: {}", page(console, tenant, scope))));
    lines.extend(places.unsubscribe.map(|link| format!("\nNo more of this: {link}")));
    lines.join("\n")
}

fn html(of: &Figures, subject: &str, tenant: &TenantId, scope: Scope, places: Places<'_>) -> String {
    let cell = "padding:4px 16px 4px 0";
    let rows = figures(of).map(|(name, value)| {
        format!(
            "<tr><td style=\"{cell};color:#64748b\">{name}</td><td style=\"{cell};font-weight:600\">{}</td></tr>",
            escaped(&value)
        )
    });
    let failures: Vec<String> = of
        .failures
        .iter()
        .map(|row| {
            let said = escaped(&failure(row));
            match places.console {
                Some(console) => format!("<li><a href=\"{}\">{said}</a></li>", escaped(&place(console, row))),
                None => format!("<li>{said}</li>"),
            }
        })
        .chain(left_out(of).map(|more| format!("<li>{more}</li>")))
        .collect();
    let failed = match failures.is_empty() {
        true => "<p>Nothing failed.</p>".to_owned(),
        false => format!("<h2 style=\"font-size:15px\">What failed</h2><ul>{}</ul>", failures.concat()),
    };
    let link = |url: String, said: &str| format!("<p><a href=\"{}\">{said}</a></p>", escaped(&url));
    let all = places.console.map(|console| link(page(console, tenant, scope), "All of them in Signalbox"));
    let leave = places.unsubscribe.map(|url| link(url.to_owned(), "No more of this"));
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body style=\"font:14px/1.5 system-ui,sans-serif;color:#0f172a\"><h1 style=\"font-size:17px\">{title}</h1>\
         <table>{}</table>{failed}{}{}</body></html>",
        rows.concat(),
        all.unwrap_or_default(),
        leave.unwrap_or_default(),
        title = escaped(subject),
    )
}

/// A digest for a Workflow of Teams.
#[must_use]
pub fn card(of: &Figures, tenant: &TenantId, scope: Scope, places: Places<'_>) -> Value {
    let colour = if of.tally.failed == 0 { "Good" } else { "Warning" };
    let facts = figures(of).map(|(name, value)| json!({"title": name, "value": value}));
    let mut body =
        vec![run(&subject(of, tenant, scope), Some("Bolder"), colour), json!({"type": "FactSet", "facts": facts})];
    body.extend(of.failures.iter().map(|row| run(&failure(row), None, "Default")));
    body.extend(left_out(of).map(|more| run(&more, None, "Default")));
    envelope(body, places.console.map(|console| page(console, tenant, scope)).as_deref())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            one => escaped.push(one),
        }
    }
    escaped
}
