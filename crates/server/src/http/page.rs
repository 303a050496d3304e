//! Cuts lists into pages.

use api::page::{Page, PageQuery};

use crate::http::problem::Refusal;
use crate::words::Malformed;

/// How many items a page has when the caller does not say.
const LIMIT_DEFAULT: usize = 50;
/// The largest page.
const LIMIT_MAX: usize = 500;

/// The checked size of a page.
pub struct Bounds {
    /// At most this many items.
    pub limit: usize,
}

impl Bounds {
    /// Checks what the caller asked for.
    pub fn new(limit: Option<usize>) -> Result<Self, Refusal> {
        match limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(Self { limit }),
            given => {
                let detail = Malformed::Limit { max: LIMIT_MAX, given };
                Err(Refusal::new("invalid-request", &detail))
            }
        }
    }
}

/// A cursor is the number of the last item that was given out.
pub fn parse_cursor(cursor: Option<&str>) -> Result<Option<u64>, Refusal> {
    cursor
        .map(|text| text.parse().map_err(|_| Refusal::new("invalid-request", &Malformed::Cursor)))
        .transpose()
}

/// The page of a whole list that the query asks for; the cursor counts items.
pub fn cut<T>(items: Vec<T>, query: &PageQuery) -> Result<Page<T>, Refusal> {
    let bounds = Bounds::new(query.limit)?;
    let start = parse_cursor(query.cursor.as_deref())?.unwrap_or(0);
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let total = items.len();
    let items: Vec<T> = items.into_iter().skip(start).take(bounds.limit).collect();
    let end = start.saturating_add(items.len());
    Ok(Page { items, next_cursor: (end < total).then(|| end.to_string()) })
}
