//! `os.time` and `os.date` over the time of the inputs: a script has no clock of its own, so that
//! equal inputs give equal answers. Always UTC.

/// A moment's parts, as Lua's `os.date("*t")` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
}

const DAY_S: i64 = 24 * 60 * 60;

/// Days of the months before each, in a year without a 29 February.
const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

/// Days from 1970 to the beginning of a year.
fn days_to(year: i64) -> i64 {
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

impl Parts {
    /// The parts of a moment in seconds since 1970; out of ten thousand years it is held there.
    pub fn of(moment_s: i64) -> Self {
        let moment = moment_s.clamp(-62_135_596_800, 253_402_300_799);
        let (days, seconds) = (moment.div_euclid(DAY_S), moment.rem_euclid(DAY_S));
        let mut year = 1970 + days.div_euclid(366);
        while days_to(year + 1) <= days {
            year += 1;
        }
        let of_year = days - days_to(year);
        let mut month = 12;
        while before(year, month) > of_year {
            month -= 1;
        }
        Self {
            year,
            month,
            day: of_year - before(year, month) + 1,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    /// Seconds since 1970; parts beyond their range carry over, as `os.time` lets them.
    pub fn moment_s(self) -> i64 {
        let months = (self.month - 1).clamp(-120_000, 120_000);
        let year = self.year.clamp(-10_000, 20_000) + months.div_euclid(12);
        let days = days_to(year) + before(year, months.rem_euclid(12) + 1);
        let small = |part: i64| part.clamp(-1_000_000_000_000, 1_000_000_000_000);
        (days + small(self.day) - 1) * DAY_S
            + small(self.hour) * 3600
            + small(self.minute) * 60
            + small(self.second)
    }

    /// Day of the year, from 1.
    pub fn day_of_year(self) -> i64 {
        before(self.year, self.month) + self.day
    }

    /// Day of the week, from 0 for Sunday.
    pub fn day_of_week(self) -> i64 {
        // 1970 began on a Thursday.
        (days_to(self.year) + self.day_of_year() + 3).rem_euclid(7)
    }

    /// The moment as `strftime` writes it; a letter that is not known stands for itself.
    pub fn format(self, format: &str) -> String {
        let mut text = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter == '%' {
                text.push_str(&self.part(letters.next().unwrap_or('%')));
            } else {
                text.push(letter);
            }
        }
        text
    }

    fn part(self, letter: char) -> String {
        let name = |names: &[&str], index: i64| -> String {
            usize::try_from(index).ok().and_then(|it| names.get(it)).map_or("", |it| it).to_owned()
        };
        let (day, month) = (name(&DAYS, self.day_of_week()), name(&MONTHS, self.month - 1));
        let two = |part: i64| format!("{part:02}");
        match letter {
            'a' => day.chars().take(3).collect(),
            'A' => day,
            'b' => month.chars().take(3).collect(),
            'B' => month,
            'c' => self.format("%a %b %d %H:%M:%S %Y"),
            'd' => two(self.day),
            'H' => two(self.hour),
            'I' => two((self.hour + 11) % 12 + 1),
            'j' => format!("{:03}", self.day_of_year()),
            'm' => two(self.month),
            'M' => two(self.minute),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'S' => two(self.second),
            'w' => self.day_of_week().to_string(),
            'x' => self.format("%m/%d/%y"),
            'X' => self.format("%H:%M:%S"),
            'y' => two(self.year.rem_euclid(100)),
            'Y' => self.year.to_string(),
            'z' => "+0000".to_owned(),
            'Z' => "UTC".to_owned(),
            '%' => "%".to_owned(),
            other => format!("%{other}"),
        }
    }
}

/// Days of a year before a month, from 1.
fn before(year: i64, month: i64) -> i64 {
    let index = usize::try_from(month - 1).unwrap_or(0).min(11);
    DAYS_BEFORE[index] + i64::from(month > 2 && is_leap(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_parts_are_two_forms_of_one() {
        for (moment, text) in [
            (0, "1970-01-01T00:00:00Z Thu 001"),
            (951_782_400, "2000-02-29T00:00:00Z Tue 060"),
            (1_709_251_199, "2024-02-29T23:59:59Z Thu 060"),
            (1_735_689_600, "2025-01-01T00:00:00Z Wed 001"),
            (-1, "1969-12-31T23:59:59Z Wed 365"),
            (4_102_444_800, "2100-01-01T00:00:00Z Fri 001"),
        ] {
            let parts = Parts::of(moment);
            assert_eq!(parts.format("%Y-%m-%dT%H:%M:%SZ %a %j"), text);
            assert_eq!(parts.moment_s(), moment, "{text}");
        }
        let carried = Parts { month: 14, day: 32, ..Parts::of(0) };
        assert_eq!(Parts::of(carried.moment_s()).format("%Y-%m-%d"), "1971-03-04");
        let noon = Parts::of(12 * 3600);
        assert_eq!(noon.format("%I %p %B %x %X %% %Q"), "12 PM January 01/01/70 12:00:00 % %Q");
        assert_eq!(Parts::of(i64::MAX).format("%Y"), "9999");
        assert!(Parts { year: i64::MAX, day: i64::MAX, ..noon }.moment_s() > 0);
    }
}
