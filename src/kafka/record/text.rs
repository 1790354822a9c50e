//! Bytes in JSON: a string where they are UTF-8, `{"base64":"…"}` where they are not.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

/// Appends `bytes` as JSON, `null` for `None`.
pub fn write(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => write_str(out, text),
        Err(_) => {
            out.extend_from_slice(b"{\"base64\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

/// Appends a JSON string.
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string is JSON, and a Vec takes every write");
    }
}

/// Whether a JSON string has all of it as it is: nothing to escape (RFC 8259, section 7).
///
/// By eight bytes at once, where `serde_json` looks at each.
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).all(|word| !needs_escape(u64::from_ne_bytes(*word)))
}

/// Whether one of eight bytes is a control character, a quotation mark or a backslash.
fn needs_escape(word: u64) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // The highest bit of some byte is set if and only if one is below `least` (at most 128): "Determine if a word has a
    // byte less than n" in Bit Twiddling Hacks by S. E. Anderson.
    let has_below = |word: u64, least: u8| word.wrapping_sub(EACH * u64::from(least)) & !word & (EACH << 7);
    let has = |byte: u8| has_below(word ^ (EACH * u64::from(byte)), 1);
    has_below(word, b' ') | has(b'"') | has(b'\\') != 0
}

/// Bytes read from JSON; borrowed where the JSON string held no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, null or {\"base64\":\"…\"}")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text.as_bytes())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.as_bytes().to_vec())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        match map.next_key::<Cow<'de, str>>()? {
            Some(key) if key == "base64" => {}
            _ => return Err(de::Error::custom("expected a string, null or {\"base64\":\"…\"}")),
        }
        let encoded: Cow<'de, str> = map.next_value()?;
        let bytes =
            STANDARD.decode(encoded.as_bytes()).map_err(|error| de::Error::custom(format!("wrong base64: {error}")))?;
        if map.next_key::<Cow<'de, str>>()?.is_some() {
            return Err(de::Error::custom("{\"base64\":\"…\"} takes no other field"));
        }
        Ok(Text(Cow::Owned(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::write_str;

    #[test]
    fn every_character_is_written_as_serde_json_writes_it() {
        let around = "a".repeat(100);
        for character in (0..=0x2fff).filter_map(char::from_u32) {
            for text in [character.to_string(), format!("{around}{character}{around}")] {
                let mut out = Vec::new();
                write_str(&mut out, &text);
                assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
