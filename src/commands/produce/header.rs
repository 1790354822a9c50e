//! `--header K=V`.

/// A header as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub key: Vec<u8>,
    /// Its value; `None` (no `=`) is null for `produce`, and any value for `consume`.
    pub value: Option<Vec<u8>>,
}

/// Parses `K=V`, `K=` (the empty value) or `K`.
///
/// # Errors
/// There is no name.
pub fn parse(text: &str) -> Result<Header, String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.into())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err("a header needs a name: K=V".to_owned());
    }
    Ok(Header { key: key.into(), value })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn with_a_value_an_empty_one_and_none() {
        let value = |text| parse(text).unwrap().value.map(|value| String::from_utf8(value).unwrap());
        assert_eq!(value("a=b=c"), Some("b=c".to_owned()));
        assert_eq!(value("a="), Some(String::new()));
        assert_eq!(value("a"), None);
        assert!(parse("=b").is_err());
        assert!(parse("").is_err());
    }
}
