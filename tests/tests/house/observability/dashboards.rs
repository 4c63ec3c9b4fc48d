//! PutDashboard's rules, which nothing else checks before a deployment does. From the page of AWS on the structure of a dashboard's body.

use serde_json::Value as Json;

use super::stack::Stack;
use crate::house::workspace::expect_none;

/// So wide is the grid.
const COLUMNS: u64 = 24;
const HEIGHT_MAX: u64 = 1_000;
const WIDGETS_MAX: usize = 500;
const METRICS_MAX: usize = 500;
const ALARMS_MAX: usize = 100;

/// What each type of widget must have, and what it may have beside that.
const PROPERTIES: &[(&str, &[&str], &[&str])] = &[
    ("alarm", &["alarms"], &["sortBy", "states", "title"]),
    ("log", &["query", "region"], &["title", "view"]),
    (
        "metric",
        &["metrics", "region"],
        &["annotations", "legend", "period", "stacked", "stat", "title", "view", "yAxis"],
    ),
    ("text", &["markdown"], &["background"]),
];

/// What of a metric may be said.
const OPTIONS: &[&str] = &["color", "expression", "id", "label", "period", "stat", "visible", "yAxis"];
const VIEWS: &[(&str, &[&str])] = &[
    ("log", &["table", "timeSeries", "bar", "pie"]),
    ("metric", &["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]),
];

/// Where a widget lies: left, top, right, bottom.
type Place = [u64; 4];

/// Where a widget lies, if it does within the grid.
fn place(widget: &Json) -> Option<Place> {
    let number = |name: &str| widget[name].as_u64();
    let (x, y, width, height) = (number("x")?, number("y")?, number("width")?, number("height")?);
    let fits = x < COLUMNS && (1..=COLUMNS - x).contains(&width) && (1..=HEIGHT_MAX).contains(&height);
    fits.then_some([x, y, x + width, y + height])
}

fn overlap(one: Place, other: Place) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

/// Every colour that is named anywhere in a widget.
fn colours(value: &Json) -> Vec<&Json> {
    match value {
        Json::Object(fields) => {
            let of = |(name, value): (&String, &'_ Json)| name == "color" && !value.is_object();
            let own = fields.iter().filter(|field| of((field.0, field.1))).map(|(_, colour)| colour);
            own.chain(fields.values().flat_map(colours)).collect()
        }
        Json::Array(values) => values.iter().flat_map(colours).collect(),
        _ => Vec::new(),
    }
}

fn is_colour(colour: &Json) -> bool {
    let digits = colour.as_str().and_then(|colour| colour.strip_prefix('#'));
    digits.is_some_and(|digits| digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit()))
}

/// What is wrong with the properties of a widget.
fn of_properties(kind: &str, properties: &Json) -> Vec<String> {
    let Some((_, wanted, optional)) = PROPERTIES.iter().find(|(name, ..)| *name == kind) else {
        return vec![format!("there are no widgets of type {kind}")];
    };
    let mut problems: Vec<String> =
        wanted.iter().filter(|name| properties[**name].is_null()).map(|name| format!("it has no {name}")).collect();
    let named = properties.as_object().into_iter().flat_map(|properties| properties.keys());
    let unknown = named.filter(|name| !wanted.contains(&name.as_str()) && !optional.contains(&name.as_str()));
    problems.extend(unknown.map(|name| format!("{name} is no property of it")));
    let view = properties["view"].as_str();
    if let (Some(view), Some((_, views))) = (view, VIEWS.iter().find(|(name, _)| *name == kind))
        && !views.contains(&view)
    {
        problems.push(format!("it has no view {view}"));
    }
    problems.extend(
        colours(properties)
            .into_iter()
            .filter(|colour| !is_colour(colour))
            .map(|colour| format!("{colour} is no #rrggbb")),
    );
    problems
}

/// What is wrong with what a widget shows.
fn of_content(properties: &Json) -> Vec<String> {
    let mut problems = Vec::new();
    let list = |name: &str| properties[name].as_array().map(Vec::as_slice);
    for (name, most) in [("metrics", METRICS_MAX), ("alarms", ALARMS_MAX)] {
        if !properties[name].is_null() && !list(name).is_some_and(|items| (1..=most).contains(&items.len())) {
            problems.push(format!("{name} are no list of 1 to {most}"));
        }
    }
    for metric in list("metrics").unwrap_or_default() {
        let options = metric.as_array().and_then(|parts| parts.last()).and_then(Json::as_object);
        let unknown =
            options.into_iter().flat_map(|options| options.keys()).filter(|name| !OPTIONS.contains(&name.as_str()));
        problems.extend(unknown.map(|name| format!("{name} is nothing that can be said of a metric")));
    }
    let period = &properties["period"];
    if !period.is_null() && !period.as_u64().is_some_and(|period| period > 0 && period % 60 == 0) {
        problems.push(format!("a period is minutes, in seconds, and not {period}"));
    }
    for line in properties["annotations"]["horizontal"].as_array().into_iter().flatten() {
        if !line["value"].is_number() {
            problems.push(format!("a line is drawn at a number, and not at {}", line["value"]));
        }
    }
    if properties["query"].as_str().is_some_and(|query| !query.starts_with("SOURCE '")) {
        problems.push("a query begins with the log groups: SOURCE '…'".to_owned());
    }
    problems
}

#[test]
fn dashboards_are_what_cloudwatch_takes() {
    let (stack, mut problems) = (Stack::read(), Vec::new());
    let dashboards = stack.dashboards();
    assert!(!dashboards.is_empty(), "there are no dashboards: the test looks in the wrong place");
    for (id, body) in dashboards {
        let widgets = body["widgets"].as_array().map_or(&[][..], Vec::as_slice);
        if !(1..=WIDGETS_MAX).contains(&widgets.len()) {
            problems.push(format!("{id} has {} widgets", widgets.len()));
        }
        let mut places: Vec<Place> = Vec::new();
        for widget in widgets {
            let (kind, properties) = (widget["type"].as_str().unwrap_or_default(), &widget["properties"]);
            let mut found = of_properties(kind, properties);
            found.extend(of_content(properties));
            match place(widget) {
                None => found.push(format!("it does not lie within {COLUMNS} columns")),
                Some(place) if places.iter().any(|other| overlap(place, *other)) => {
                    found.push("it lies over another one".to_owned());
                }
                Some(place) => places.push(place),
            }
            let said = properties["title"].as_str().unwrap_or(kind);
            problems.extend(found.into_iter().map(|problem| format!("{id}, {said}: {problem}")));
        }
    }
    expect_none(&problems, "PutDashboard would refuse it, or show nothing.");
}
