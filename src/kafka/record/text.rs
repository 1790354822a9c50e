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
/// By blocks without an end within them, for the compiler to look at many bytes at once; `serde_json` looks at each.
fn is_plain(bytes: &[u8]) -> bool {
    let escaped = |&byte: &u8| byte < b' ' || byte == b'"' || byte == b'\\';
    bytes.chunks(64).all(|block| !block.iter().fold(false, |found, byte| found | escaped(byte)))
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
