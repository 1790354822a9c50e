//! JSON values, coloured and otherwise unchanged.

use std::io::Write as _;

use console::Style;
use serde::de::IgnoredAny;

use super::pretty::Colors;

/// Appends `bytes` coloured, if it is a JSON object or array on one line. Returns whether it was.
pub fn write(out: &mut Vec<u8>, bytes: &[u8], colors: &Colors) -> bool {
    // Control characters stand in JSON only between its tokens, as line breaks: those are shown escaped elsewhere.
    let is_candidate = matches!(bytes.first(), Some(b'{' | b'[')) && !bytes.iter().any(u8::is_ascii_control);
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|_| is_candidate) else {
        return false;
    };
    // C1 controls are more than one byte in UTF-8.
    if text.chars().any(char::is_control) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return false;
    }
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest));
        let style = match token.as_bytes()[0] {
            b'"' if after.trim_start().starts_with(':') => &colors.key,
            b'"' => &colors.string,
            b'-' | b'0'..=b'9' => &colors.number,
            b't' | b'f' | b'n' => &colors.word,
            _ => &Style::new(),
        };
        write!(out, "{}", style.apply_to(token)).expect("a Vec takes every write");
        rest = after;
    }
    true
}

/// The length of the token that valid JSON begins with; runs of punctuation and blanks count as one.
fn token_length(json: &str) -> usize {
    let bytes = json.as_bytes();
    let run = |same: fn(u8) -> bool| bytes.iter().position(|&b| !same(b)).unwrap_or(bytes.len());
    match bytes[0] {
        b'"' => {
            let mut escaped = false;
            let end = bytes.iter().skip(1).position(|&b| {
                let is_end = b == b'"' && !escaped;
                escaped = b == b'\\' && !escaped;
                is_end
            });
            end.map_or(bytes.len(), |end| end + 2)
        }
        b if is_scalar(b) => run(is_scalar),
        _ => run(|b| b != b'"' && !is_scalar(b)),
    }
}

/// Whether `b` belongs to a number or word.
fn is_scalar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::token_length;

    fn tokens(json: &str) -> Vec<&str> {
        let mut rest = json;
        let mut tokens = Vec::new();
        while !rest.is_empty() {
            let (token, after) = rest.split_at(token_length(rest));
            tokens.push(token);
            rest = after;
        }
        tokens
    }

    #[test]
    fn tokens_of_an_object() {
        assert_eq!(
            tokens(r#"{"a\"b": [1.5e-3, true, "é\\"]}"#),
            ["{", r#""a\"b""#, ": [", "1.5e-3", ", ", "true", ", ", r#""é\\""#, "]}"]
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_loop(text in "[ -~é]{1,30}") {
            prop_assert_eq!(tokens(&text).concat(), text);
        }
    }
}
