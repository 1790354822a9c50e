//! Small conversions between the codec's types and plain text.

use kafka_protocol::{ResponseError, protocol::StrBytes};

/// A string for the codec.
pub fn to_text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A broker's message, if it has one: Kafka sends an empty string where it has nothing to say.
pub fn message(text: Option<&StrBytes>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// An error code's name as Kafka's documentation and logs spell it: `NOT_LEADER_OR_FOLLOWER`.
pub fn code_name(error: ResponseError) -> String {
    if let ResponseError::Unknown(code) = error {
        return format!("error code {code}");
    }
    let mut name = String::new();
    for c in format!("{error:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas_own() {
        assert_eq!(code_name(ResponseError::NotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(code_name(ResponseError::Unknown(999)), "error code 999");
    }

    #[test]
    fn an_empty_message_is_none() {
        assert_eq!(message(None), None);
        assert_eq!(message(Some(&to_text(""))), None);
        assert_eq!(message(Some(&to_text("no space\n"))), Some("no space".to_owned()));
    }
}
