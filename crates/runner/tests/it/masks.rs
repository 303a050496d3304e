//! No secret gets through, in whatever pieces the output comes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use runner::masks::Masks;
use runner::output::{EndFinder, StepOutput};

fn forms(secret: &str) -> Vec<String> {
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json = serde_json::Value::from(secret).to_string();
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        URL_SAFE.encode(secret),
        hex::encode(secret),
        json[1..json.len() - 1].to_owned(),
        percent,
    ]
}

proptest! {
    #[test]
    fn secrets_are_hidden_over_any_pieces(
        secret in "[A-Za-z0-9/+ \"=_-]{8,40}",
        before in "[a-z ]{0,20}",
        long in 0usize..2,
        cuts in proptest::collection::vec(1usize..40, 1..60),
    ) {
        let secret = format!("k{}k", secret.trim());
        let mut masks = Masks::default();
        masks.add(&secret);
        // A line that is longer than what is kept as one.
        let filler = "x".repeat(long * 70_000);
        for form in forms(&secret).into_iter().take(5) {
            let text = format!("{before}{filler}{form}{filler}\nnext {form}");
            let mut output = StepOutput::new(u64::MAX);
            let (mut lines, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut * if long == 1 { 997 } else { 1 }).min(rest.len()));
                lines.extend(output.push(piece, &mut masks));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            lines.extend(output.finish(&mut masks));
            let printed = String::from_utf8(lines.concat()).expect("text");
            prop_assert!(!printed.contains(&secret), "{printed}");
            prop_assert!(!printed.contains(form.trim_end_matches('=')), "{form}");
            prop_assert_eq!(printed.matches("***").count(), 2);
        }
    }

    #[test]
    fn the_end_of_a_step_is_found_over_any_pieces(
        output in "[a-z\\x00\n]{0,60}",
        after in "[a-z]{0,10}",
        cuts in proptest::collection::vec(1usize..9, 1..20),
    ) {
        let text = format!("{output}\0nonce 42\n{after}");
        let mut finder = EndFinder::new("nonce");
        let (mut printed, mut rest, mut code) = (Vec::new(), text.as_bytes(), None);
        for cut in cuts.iter().cycle() {
            let (piece, next) = rest.split_at((*cut).min(rest.len()));
            let found = finder.push(piece);
            printed.extend(found.output);
            code = code.or(found.exit_code);
            rest = next;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(code, Some(42));
        let all = [printed, finder.rest()].concat();
        prop_assert_eq!(String::from_utf8_lossy(&all), format!("{output}{after}"));
    }
}
