//! Functions of templates: those of Sprig that make names and values of texts, and Argo CD's own.
//! What is not here is refused by name where the template is read.

use std::sync::Arc;

use base64::Engine as _;
use gotmpl::{FuncMap, Value as Go};
use serde_json::Value;

use super::calls::{
    Answer, Functions, from_go, list, map, native, of_list, of_texts, text, to_go, whole, wrong,
};
use super::template::{Budget, bounded};

/// The most items of a list of numbers.
const ITEMS_MAX: i64 = 10_000;

/// All functions, which take what they cost from the budget.
pub(super) fn all(budget: &Budget) -> FuncMap {
    let mut functions = Functions { map: FuncMap::new(), budget: budget.clone() };
    texts(&mut functions);
    lists(&mut functions);
    maps(&mut functions);
    numbers(&mut functions);
    values(&mut functions);
    printing(&mut functions);
    functions.map
}

/// Go's own functions that make texts, which know no limit themselves.
fn printing(f: &mut Functions) {
    for name in ["print", "println", "html", "js", "urlquery"] {
        f.any(name, move |arguments| native(name, arguments));
    }
    f.any("printf", |arguments| {
        let format = arguments.first().map(text).unwrap_or_default();
        // A width asks for a text of any length.
        let widths = format.split('%').skip(1).map(|verb| {
            verb.trim_start_matches(['-', '+', ' ', '#', '0'])
                .chars()
                .take_while(|one| one.is_ascii_digit() || matches!(one, '.' | '[' | ']' | '*'))
        });
        for mut width in widths {
            let shown: String = width.by_ref().collect();
            if shown.contains('*') || shown.split('.').any(|part| part.len() > 3) {
                return Err(wrong(&format!("`{shown}` is no width that `printf` takes here")));
            }
        }
        native("printf", arguments)
    });
}

/// A name as DNS has it, as Argo CD makes one: other characters become dashes.
pub(super) fn normalized(text: &str) -> String {
    let known = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "-.".contains(one);
    let lower = text.to_lowercase();
    let mapped: String = lower.chars().map(|one| if known(one) { one } else { '-' }).collect();
    let cut: String = mapped.chars().take(253).collect();
    cut.trim_matches(['-', '.']).to_owned()
}

fn texts(f: &mut Functions) {
    f.exactly("upper", |[a]| bounded(text(a).to_uppercase()));
    f.exactly("lower", |[a]| bounded(text(a).to_lowercase()));
    f.exactly("title", |[a]| bounded(title(&text(a))));
    f.exactly("trim", |[a]| bounded(text(a).trim().to_owned()));
    f.exactly("trimAll", |[set, a]| {
        let set = text(set);
        bounded(text(a).trim_matches(|one| set.contains(one)).to_owned())
    });
    f.exactly("trimPrefix", |[prefix, a]| {
        let whole = text(a);
        bounded(whole.strip_prefix(&text(prefix)).unwrap_or(&whole).to_owned())
    });
    f.exactly("trimSuffix", |[suffix, a]| {
        let whole = text(a);
        bounded(whole.strip_suffix(&text(suffix)).unwrap_or(&whole).to_owned())
    });
    f.exactly("replace", |[old, new, a]| bounded(text(a).replace(&text(old), &text(new))));
    f.exactly("contains", |[part, a]| Ok(Go::Bool(text(a).contains(&text(part)))));
    f.exactly("hasPrefix", |[part, a]| Ok(Go::Bool(text(a).starts_with(&text(part)))));
    f.exactly("hasSuffix", |[part, a]| Ok(Go::Bool(text(a).ends_with(&text(part)))));
    f.exactly("nospace", |[a]| bounded(text(a).split_whitespace().collect()));
    f.exactly("trunc", |[length, a]| bounded(truncated(whole(length)?, &text(a))));
    f.exactly("repeat", |[count, a]| {
        let (count, part) = (usize::try_from(whole(count)?).unwrap_or(0), text(a));
        // Counted before it is made.
        if count.saturating_mul(part.len()) > 100_000 {
            return Err(wrong("the text is too long"));
        }
        bounded(part.repeat(count))
    });
    f.exactly("indent", |[count, a]| bounded(indented(count, a)?));
    f.exactly("nindent", |[count, a]| bounded(format!("\n{}", indented(count, a)?)));
    f.exactly("normalize", |[a]| bounded(normalized(&text(a))));
    f.exactly("b64enc", |[a]| bounded(base64::engine::general_purpose::STANDARD.encode(text(a))));
    f.exactly("b64dec", |[a]| {
        let decoded = base64::engine::general_purpose::STANDARD.decode(text(a)).ok();
        let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        bounded(decoded.ok_or_else(|| wrong("this is no text in base64"))?)
    });
    f.exactly("regexMatch", |[pattern, a]| Ok(Go::Bool(regex(pattern)?.is_match(&text(a)))));
    f.exactly("regexFind", |[pattern, a]| {
        let whole = text(a);
        let found = regex(pattern)?.find(&whole).map_or("", |found| found.as_str()).to_owned();
        bounded(found)
    });
    f.exactly("regexReplaceAll", |[pattern, a, by]| {
        bounded(regex(pattern)?.replace_all(&text(a), text(by).as_str()).into_owned())
    });
    f.any("slugify", slugify);
    f.any("quote", |arguments| {
        let quoted = arguments.iter().filter(|one| !matches!(one, Go::Nil));
        bounded(quoted.map(|one| format!("{:?}", text(one))).collect::<Vec<_>>().join(" "))
    });
    f.any("squote", |arguments| {
        let quoted = arguments.iter().filter(|one| !matches!(one, Go::Nil));
        bounded(quoted.map(|one| format!("'{}'", text(one))).collect::<Vec<_>>().join(" "))
    });
    f.any("cat", |arguments| bounded(arguments.iter().map(text).collect::<Vec<_>>().join(" ")));
}

fn lists(f: &mut Functions) {
    f.any("list", |arguments| of_list(arguments.to_vec()));
    f.exactly("splitList", |[separator, a]| {
        of_texts(text(a).split(&text(separator)).map(str::to_owned))
    });
    f.exactly("split", |[separator, a]| {
        let whole = text(a);
        let separator = text(separator);
        let parts = whole.split(&separator).enumerate();
        let fields = parts.map(|(index, part)| {
            (Arc::from(format!("_{index}").as_str()), Go::String(part.into()))
        });
        Ok(Go::Map(Arc::new(fields.collect())))
    });
    f.exactly("join", |[separator, a]| {
        let items: Vec<String> = list(a)?.iter().map(text).collect();
        bounded(items.join(&text(separator)))
    });
    f.exactly("sortAlpha", |[a]| {
        let mut items: Vec<String> = list(a)?.iter().map(text).collect();
        items.sort();
        of_texts(items)
    });
    f.exactly("first", |[a]| Ok(list(a)?.first().cloned().unwrap_or(Go::Nil)));
    f.exactly("last", |[a]| Ok(list(a)?.last().cloned().unwrap_or(Go::Nil)));
    f.exactly("rest", |[a]| of_list(list(a)?.into_iter().skip(1).collect()));
    f.exactly("initial", |[a]| {
        let mut items = list(a)?;
        items.pop();
        of_list(items)
    });
    f.exactly("reverse", |[a]| of_list(list(a)?.into_iter().rev().collect()));
    f.exactly("uniq", |[a]| {
        let mut seen = Vec::new();
        for item in list(a)? {
            if !seen.contains(&item) {
                seen.push(item);
            }
        }
        of_list(seen)
    });
    f.exactly("compact", |[a]| of_list(list(a)?.into_iter().filter(gotmpl::is_true).collect()));
    f.exactly("has", |[item, a]| Ok(Go::Bool(list(a)?.contains(item))));
    f.exactly("append", |[a, item]| {
        let mut items = list(a)?;
        items.push(item.clone());
        of_list(items)
    });
    f.exactly("prepend", |[a, item]| {
        of_list(std::iter::once(item.clone()).chain(list(a)?).collect())
    });
    f.any("concat", |arguments| {
        let lists = arguments.iter().map(list).collect::<gotmpl::Result<Vec<_>>>()?;
        of_list(lists.into_iter().flatten().collect())
    });
    f.exactly("until", |[count]| {
        let count = whole(count)?;
        if count > ITEMS_MAX {
            return Err(wrong("the list is too long"));
        }
        of_list((0..count).map(Go::Int).collect())
    });
}

fn maps(f: &mut Functions) {
    f.any("dict", |arguments| {
        let pairs = arguments.chunks(2);
        let fields = pairs.map(|pair| {
            let value = pair.get(1).cloned().unwrap_or_else(|| Go::String("".into()));
            (Arc::from(text(&pair[0]).as_str()), value)
        });
        Ok(Go::Map(Arc::new(fields.collect())))
    });
    f.exactly("get", |[a, key]| {
        let found = map(a)?.get(text(key).as_str()).cloned();
        Ok(found.unwrap_or_else(|| Go::String("".into())))
    });
    f.exactly("hasKey", |[a, key]| Ok(Go::Bool(map(a)?.contains_key(text(key).as_str()))));
    f.exactly("keys", |[a]| of_texts(map(a)?.keys().map(ToString::to_string)));
    f.exactly("values", |[a]| of_list(map(a)?.into_values().collect()));
    f.any("pick", |arguments| chosen(arguments, true));
    f.any("omit", |arguments| chosen(arguments, false));
    f.any("dig", |arguments| {
        let [path @ .., default, from] = arguments else {
            return Err(wrong("`dig` takes keys, a default and a map"));
        };
        let mut found = from.clone();
        for key in path {
            match map(&found)?.get(text(key).as_str()) {
                Some(next) => found = next.clone(),
                None => return Ok(default.clone()),
            }
        }
        Ok(found)
    });
}

fn chosen(arguments: &[Go], wanted: bool) -> Answer {
    let [from, keys @ ..] = arguments else { return Err(wrong("a map was expected")) };
    let keys: Vec<String> = keys.iter().map(text).collect();
    let mut fields = map(from)?;
    fields.retain(|name, _| keys.iter().any(|key| **key == **name) == wanted);
    Ok(Go::Map(Arc::new(fields)))
}

fn numbers(f: &mut Functions) {
    let mut fold = |name: &'static str, step: fn(i64, i64) -> Option<i64>| {
        f.any(name, move |arguments| {
            let mut numbers = arguments.iter().map(whole);
            let first = numbers.next().ok_or_else(|| wrong("a number was expected"))??;
            let result = numbers.try_fold(first, |left, right| {
                step(left, right?).ok_or_else(|| wrong(&format!("`{name}` has no such result")))
            });
            result.map(Go::Int)
        });
    };
    fold("add", i64::checked_add);
    fold("sub", i64::checked_sub);
    fold("mul", i64::checked_mul);
    fold("div", i64::checked_div);
    fold("mod", i64::checked_rem);
    fold("max", |left, right| Some(left.max(right)));
    fold("min", |left, right| Some(left.min(right)));
    f.exactly("add1", |[a]| Ok(Go::Int(whole(a)?.saturating_add(1))));
    f.exactly("int", |[a]| Ok(Go::Int(whole(a).unwrap_or(0))));
    f.exactly("int64", |[a]| Ok(Go::Int(whole(a).unwrap_or(0))));
    f.exactly("atoi", |[a]| Ok(Go::Int(whole(a).unwrap_or(0))));
}

fn values(f: &mut Functions) {
    f.exactly("default", |[default, a]| {
        Ok(if gotmpl::is_true(a) { a.clone() } else { default.clone() })
    });
    f.exactly("empty", |[a]| Ok(Go::Bool(!gotmpl::is_true(a))));
    f.any("coalesce", |arguments| {
        Ok(arguments.iter().find(|one| gotmpl::is_true(one)).cloned().unwrap_or(Go::Nil))
    });
    f.exactly("ternary", |[yes, no, a]| {
        Ok(if gotmpl::is_true(a) { yes.clone() } else { no.clone() })
    });
    f.exactly("toString", |[a]| bounded(text(a)));
    f.exactly("toStrings", |[a]| of_texts(list(a)?.iter().map(text)));
    f.exactly("toJson", |[a]| bounded(from_go(a).to_string()));
    f.exactly("mustToJson", |[a]| bounded(from_go(a).to_string()));
    f.exactly("fromJson", |[a]| {
        let value = serde_json::from_str(&text(a)).map_err(|error| wrong(&error.to_string()))?;
        Ok(to_go(&value))
    });
    f.exactly("toYaml", |[a]| bounded(yaml::emit(&[from_go(a)]).trim_end().to_owned()));
    f.exactly("fromYaml", |[a]| from_yaml(a));
    f.exactly("fromYamlArray", |[a]| from_yaml(a));
    f.exactly("kindOf", |[a]| {
        bounded(
            match a {
                Go::Nil => "invalid",
                Go::Bool(_) => "bool",
                Go::Int(_) | Go::Uint(_) => "int",
                Go::Float(_) => "float64",
                Go::String(_) => "string",
                Go::List(_) => "slice",
                Go::Map(_) => "map",
                Go::Function(_) => "func",
            }
            .to_owned(),
        )
    });
    f.exactly("fail", |[a]| Err(wrong(&text(a))));
}

fn from_yaml(a: &Go) -> Answer {
    let value: Value =
        yaml::document("fromYaml", &text(a)).map_err(|error| wrong(&error.message))?;
    Ok(to_go(&value))
}

fn title(text: &str) -> String {
    let mut begins = true;
    let mut titled = String::new();
    for one in text.chars() {
        if begins {
            titled.extend(one.to_uppercase());
        } else {
            titled.push(one);
        }
        begins = !one.is_alphanumeric() && one != '\'';
    }
    titled
}

/// The first so many characters, or with a negative number the last.
fn truncated(length: i64, text: &str) -> String {
    let count = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    if length >= 0 {
        text.chars().take(count).collect()
    } else {
        text.chars().skip(text.chars().count().saturating_sub(count)).collect()
    }
}

fn indented(count: &Go, a: &Go) -> gotmpl::Result<String> {
    let count = usize::try_from(whole(count)?).unwrap_or(0);
    if count > 200 {
        return Err(wrong("the indentation is too deep"));
    }
    let pad = " ".repeat(count);
    Ok(format!("{pad}{}", text(a).replace('\n', &format!("\n{pad}"))))
}

fn regex(text_of: &Go) -> gotmpl::Result<regex::Regex> {
    pattern(&text(text_of)).map_err(|why| wrong(&why))
}

/// A regular expression, of a size that costs little.
pub(super) fn pattern(text: &str) -> Result<regex::Regex, String> {
    let built = regex::RegexBuilder::new(text).size_limit(1 << 20).build();
    built.map_err(|_| format!("`{text}` is no regular expression"))
}

/// `slugify [LENGTH] [AT_WORDS] TEXT`: a label of DNS, of 50 characters unless it is said.
fn slugify(arguments: &[Go]) -> Answer {
    let (length, at_words, text_given) = match arguments {
        [a] => (50, true, text(a)),
        [length, a] => (whole(length)?, false, text(a)),
        [length, at_words, a] => (whole(length)?, gotmpl::is_true(at_words), text(a)),
        _ => return Err(wrong("`slugify` takes a length, whether it cuts at words, and a text")),
    };
    bounded(slug(&text_given, usize::try_from(length).unwrap_or(50), at_words))
}

/// A text as a label of DNS, of so many characters at most.
pub(super) fn slug(text: &str, length: usize, at_words: bool) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|one: char| !one.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let slug = words.join("-");
    if slug.len() <= length {
        return slug;
    }
    let cut = &slug[..length];
    let at_word = cut.rfind('-').filter(|_| at_words && slug.as_bytes().get(length) != Some(&b'-'));
    at_word.map_or(cut, |end| &cut[..end]).trim_end_matches('-').to_owned()
}
