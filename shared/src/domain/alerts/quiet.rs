//! Quiet hours: when a channel is told of nothing but what is severe. The rest is kept for a digest after them.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use crate::domain::connections::provider::{Setting, SettingKind, Settings, WrongSetting};

/// When quiet hours begin.
pub const FROM: Setting = Setting {
    name: "quietFrom",
    kind: SettingKind::Text,
    required: false,
    about: "When quiet hours begin, as in 22:00: until they end only what is severe is sent, and then a digest of the rest",
};
/// When they end.
pub const TO: Setting =
    Setting { name: "quietTo", kind: SettingKind::Text, required: false, about: "When quiet hours end, as in 07:00" };
/// Where.
pub const ZONE: Setting = Setting {
    name: "quietZone",
    kind: SettingKind::Text,
    required: false,
    about: "The zone of quiet hours, a name of the IANA database such as Europe/Copenhagen; UTC where none is given",
};

/// Hours of each day in a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct QuietHours {
    from: Time,
    to: Time,
    zone: TimeZone,
}

impl QuietHours {
    /// Those that settings name; none where they name none.
    ///
    /// # Errors
    /// When one of them is no time, the zone is none, or one is there without the other.
    pub fn of(settings: &Settings) -> Result<Option<Self>, WrongSetting> {
        let text = |setting: &Setting| settings.get(setting.name).and_then(Value::as_str);
        let time = |setting: &Setting, text: &str| {
            let read = Time::strptime("%H:%M", text.trim());
            read.map_err(|_| WrongSetting::new(setting.name, "must be a time of the day, as in 22:00"))
        };
        let (from, to) = match (text(&FROM), text(&TO)) {
            (None, None) if text(&ZONE).is_some() => {
                return Err(WrongSetting::new(ZONE.name, "is given, and quietFrom and quietTo are not"));
            }
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(WrongSetting::new(TO.name, "must be there, as quietFrom is")),
            (None, Some(_)) => return Err(WrongSetting::new(FROM.name, "must be there, as quietTo is")),
            (Some(from), Some(to)) => (time(&FROM, from)?, time(&TO, to)?),
        };
        if from == to {
            return Err(WrongSetting::new(TO.name, "must be another time than quietFrom"));
        }
        let zone = text(&ZONE).unwrap_or("UTC");
        let zone = TimeZone::get(zone).map_err(|_| {
            WrongSetting::new(ZONE.name, "must be a name of the IANA database, such as Europe/Copenhagen or UTC")
        })?;
        Ok(Some(Self { from, to, zone }))
    }

    /// When the quiet hours end that it is now; none where it is none. Where the clock is changed meanwhile they end by the changed one.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let here = now.to_zoned(self.zone.clone()).datetime();
        let (date, time) = (here.date(), here.time());
        let is_quiet = match self.from < self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        };
        if !is_quiet {
            return None;
        }
        let date = if time < self.to { date } else { date.checked_add(1.day()).ok()? };
        let end = self.zone.to_timestamp(date.to_datetime(self.to)).ok()?;
        // The hour that comes twice: its second half is quiet as the first was.
        (end > now).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hours(from: &str, to: &str, zone: &str) -> QuietHours {
        let settings = json!({"quietFrom": from, "quietTo": to, "quietZone": zone});
        QuietHours::of(settings.as_object().unwrap()).unwrap().unwrap()
    }

    #[test]
    fn they_are_hours_of_a_zone_over_midnight_and_over_changes_of_the_clock() {
        for (from, to, zone, now, until) in [
            ("22:00", "07:00", "UTC", "2026-01-15T21:59:59Z", None),
            ("22:00", "07:00", "UTC", "2026-01-15T22:00:00Z", Some("2026-01-16T07:00:00Z")),
            ("22:00", "07:00", "UTC", "2026-01-16T06:59:59Z", Some("2026-01-16T07:00:00Z")),
            ("22:00", "07:00", "UTC", "2026-01-16T07:00:00Z", None),
            ("12:00", "13:30", "UTC", "2026-01-16T12:10:00Z", Some("2026-01-16T13:30:00Z")),
            ("22:00", "07:00", "Europe/Copenhagen", "2026-01-15T21:30:00Z", Some("2026-01-16T06:00:00Z")),
            // The clock goes forward in this night, and back in that one.
            ("22:00", "07:00", "Europe/Copenhagen", "2026-03-28T22:00:00Z", Some("2026-03-29T05:00:00Z")),
            ("22:00", "07:00", "Europe/Copenhagen", "2026-10-24T22:00:00Z", Some("2026-10-25T06:00:00Z")),
            // An end that there is not in this night, as the clock skips it, is an hour later.
            ("22:00", "02:30", "Europe/Copenhagen", "2026-03-28T23:00:00Z", Some("2026-03-29T01:30:00Z")),
        ] {
            let found = hours(from, to, zone).until(now.parse().unwrap());
            assert_eq!(found.map(|end| end.to_string()).as_deref(), until, "{from}-{to} {zone} {now}");
        }
    }

    #[test]
    fn what_is_no_pair_of_times_in_a_zone_is_named() {
        for (settings, wrong) in [
            (json!({}), None),
            (json!({"quietFrom": "22:00", "quietTo": "06:15"}), None),
            (json!({"quietFrom": "22:00"}), Some("quietTo")),
            (json!({"quietTo": "22:00"}), Some("quietFrom")),
            (json!({"quietFrom": "22", "quietTo": "06:00"}), Some("quietFrom")),
            (json!({"quietFrom": "22:00", "quietTo": "24:30"}), Some("quietTo")),
            (json!({"quietFrom": "22:00", "quietTo": "22:00"}), Some("quietTo")),
            (json!({"quietFrom": "22:00", "quietTo": "06:00", "quietZone": "Mars"}), Some("quietZone")),
            (json!({"quietZone": "UTC"}), Some("quietZone")),
        ] {
            let found = QuietHours::of(settings.as_object().unwrap()).err().map(|wrong| wrong.name);
            assert_eq!(found.as_deref(), wrong, "{settings}");
        }
    }
}
