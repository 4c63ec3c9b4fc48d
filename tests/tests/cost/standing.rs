//! What is paid for each month whatever happens, counted in the templates that are deployed.

use serde_norway::Value;
use signalbox_local::cost::profile::Standing;
use signalbox_local::template::TEMPLATE;

const WATCHES: &str = include_str!("../../../infra/observability/template.yaml");
const LOOP: &str = "Fn::ForEach::";

/// With so many series of metrics of the functions.
pub(super) fn of(idle: usize, all: usize) -> Standing {
    let mut standing = Standing { series_idle: idle as f64, series: all as f64, ..Standing::default() };
    for template in [TEMPLATE, WATCHES] {
        let template: Value = serde_norway::from_str(template).expect("YAML");
        for (id, resource) in template["Resources"].as_mapping().expect("resources") {
            if !id.as_str().is_some_and(|id| id.starts_with(LOOP)) {
                add(&mut standing, resource, 1);
                continue;
            }
            // What it is called, what it goes over, and what it makes of each.
            let (items, made) =
                (resource[1].as_sequence().expect("a list"), resource[2].as_mapping().expect("resources"));
            made.values().for_each(|resource| add(&mut standing, resource, items.len()));
        }
    }
    standing
}

fn add(standing: &mut Standing, resource: &Value, times: usize) {
    let times = times as f64;
    match resource["Type"].as_str().expect("a type") {
        "AWS::CloudWatch::Alarm" => {
            // An alarm of a sum pays for each part of it.
            let watched = resource["Properties"].get("Metrics").map_or(1, |metrics| {
                let all = metrics.as_sequence().expect("a list of metrics");
                all.iter().filter(|metric| metric.get("MetricStat").is_some()).count()
            });
            standing.alarm_metrics += times * watched as f64;
        }
        "AWS::CloudWatch::CompositeAlarm" => standing.composite_alarms += times,
        "AWS::CloudWatch::Dashboard" => standing.dashboards += times,
        "AWS::KMS::Key" => standing.keys += times,
        _ => {}
    }
}
