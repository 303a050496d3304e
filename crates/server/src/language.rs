//! Which language a request is answered in: what its `Accept-Language` likes best of what there is.
//!
//! Outside of a request (tasks, the log, facts) it is English, so that what is kept has one language.

use std::cmp::Reverse;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// A language that every sentence exists in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Français.
    French,
}

tokio::task_local! {
    static CURRENT: Language;
}

/// The language of the request that is being answered; English outside of one.
#[must_use]
pub fn current() -> Language {
    CURRENT.try_with(|language| *language).unwrap_or_default()
}

/// Work for another thread that speaks the language of this request.
pub fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let language = current();
    move || CURRENT.sync_scope(language, work)
}

/// Work for another task that speaks the language of this request.
pub fn carried_along<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    CURRENT.scope(current(), work)
}

/// Work that speaks this language.
#[cfg(test)]
pub fn speaking<T>(language: Language, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(language, work)
}

/// Answers a request in its language, and says so where there are sentences.
pub async fn answer(request: Request, next: Next) -> Response {
    let language = Language::of(request.headers());
    let mut response = CURRENT.scope(language, next.run(request)).await;
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if matches!(kind, Some("application/json" | "application/problem+json")) {
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    response
}

impl Language {
    /// The language that a request likes best.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(header::ACCEPT_LANGUAGE).iter();
        let fields: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
        Self::liked_best(&fields.join(","))
    }

    /// The tag of the language, as `Content-Language` has it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// RFC 9110, section 12.5.4: ranges with weights. Regions say nothing here, so a language has the
    /// best weight of its ranges; of two that are liked equally it is the one that was named first.
    fn liked_best(accepted: &str) -> Self {
        let ranges: Vec<(String, u16)> = accepted.split(',').filter_map(range).collect();
        let any = ranges.iter().find(|(tag, _)| tag == "*").map_or(0, |(_, weight)| *weight);
        let liked = |language: Self| {
            let own = ranges.iter().enumerate().filter(|(_, (tag, _))| {
                tag.split('-').next().is_some_and(|primary| primary == language.tag())
            });
            let own = own.map(|(place, (_, weight))| (*weight, Reverse(place)));
            own.max().unwrap_or((any, Reverse(usize::MAX)))
        };
        let (english, french) = (liked(Self::English), liked(Self::French));
        if french.0 > 0 && french > english { Self::French } else { Self::English }
    }
}

/// `fr-CA;q=0.8` as its tag and its weight in thousandths; what has no such form is as if absent.
fn range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?.to_ascii_lowercase();
    let weight = match parts.next() {
        None => 1_000,
        Some(parameter) => thousandths(parameter.strip_prefix(['q', 'Q'])?.trim_start())?,
    };
    Some((tag, weight))
}

/// `=0.85`: at most three digits behind the point, at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let number = text.strip_prefix('=')?.trim();
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || rest.len() > 3 || !digits(rest) {
        return None;
    }
    let rest: u16 = format!("{rest:0<3}").parse().ok()?;
    let weight = if whole == "1" { 1_000 + rest } else { rest };
    (weight <= 1_000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accepted: &str, expected: Language) {
        assert_eq!(Language::liked_best(accepted), expected, "{accepted}");
    }

    #[test]
    fn the_language_that_is_liked_best() {
        for french in [
            "fr",
            "FR",
            "fr-CA",
            "fr-CA, fr;q=0.9, en;q=0.8",
            "fr;q=0.5",
            "de, fr;q=0.5",
            "en;q=0.4, fr;q=0.45",
            "en;q=0.8, fr;q=0.8, fr-CA",
            "en;q=0, *;q=0.5",
            "fr , en",
            "en; q=0.2 , fr ; q=0.30",
            ",fr,",
        ] {
            check(french, Language::French);
        }
        for english in [
            "",
            "en",
            "en-GB, fr",
            "de",
            "*",
            "fr;q=0",
            "fr;q=0, *",
            "fr;q=0.5, *;q=0.8",
            "fr;q=0.5, en",
            "french",
            "fr;q=2",
            "fr;q=0.1234",
            "fr;q=x, en;q=0.1",
            "fr;quality=1, en;q=0.1",
            "fr;q=-1, en;q=0.1",
            ";q=1",
        ] {
            check(english, Language::English);
        }
    }

    #[test]
    fn several_fields_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en;q=0.5"));
        headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_static("fr"));
        assert_eq!(Language::of(&headers), Language::French);
        assert_eq!(Language::of(&HeaderMap::new()), Language::English);
    }

    #[tokio::test]
    async fn work_on_another_thread_keeps_the_language() {
        assert_eq!(current(), Language::English);
        let asked = async {
            let kept = tokio::task::spawn_blocking(carried(current)).await;
            let lost = tokio::task::spawn_blocking(current).await;
            (current(), kept.expect("a language"), lost.expect("a language"))
        };
        let spoken = CURRENT.scope(Language::French, asked).await;
        assert_eq!(spoken, (Language::French, Language::French, Language::English));
    }
}
