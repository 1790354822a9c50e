//! Which records are shown.

use regex::bytes::Regex;

use crate::kafka::record::Record;

/// What a record has to be like; every condition given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The value matches somewhere. A null value never does.
    pub grep: Option<Regex>,
    /// The key is just this.
    pub key: Option<Vec<u8>>,
    /// It has each of these headers.
    pub headers: Vec<HeaderFilter>,
}

/// A header that a record has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFilter {
    /// Its name.
    pub key: Vec<u8>,
    /// Its value; `None` for any, null included.
    pub value: Option<Vec<u8>>,
}

impl Filter {
    /// Whether `record` is shown.
    pub fn matches(&self, record: &impl Record) -> bool {
        let Filter { grep, key, headers } = self;
        if let Some(key) = key
            && record.key() != Some(key)
        {
            return false;
        }
        if let Some(grep) = grep
            && !record.value().is_some_and(|value| grep.is_match(value))
        {
            return false;
        }
        if headers.is_empty() {
            return true;
        }
        let present = record.headers();
        headers.iter().all(|wanted| {
            present.iter().any(|header| {
                header.key == wanted.key && wanted.value.as_ref().is_none_or(|value| header.value == Some(value))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, HeaderFilter};
    use crate::kafka::record::Owned;

    fn record() -> Owned {
        Owned {
            key: Some(b"ada".to_vec()),
            value: Some(vec![0xff, b'h', b'i']),
            headers: vec![(b"a".to_vec(), None), (b"a".to_vec(), Some(b"1".to_vec()))],
            ..Owned::default()
        }
    }

    fn header(key: &str, value: Option<&str>) -> HeaderFilter {
        HeaderFilter { key: key.into(), value: value.map(Into::into) }
    }

    #[test]
    fn every_condition_must_hold() {
        let grep = |pattern| Filter { grep: Some(pattern), ..Filter::default() };
        let regex = |text| regex::bytes::Regex::new(text).unwrap();
        assert!(Filter::default().matches(&record()));
        assert!(grep(regex("h.$")).matches(&record()));
        assert!(!grep(regex("^h")).matches(&record()));
        assert!(!grep(regex("")).matches(&Owned { value: None, ..record() }));
        let key = |key: &str| Filter { key: Some(key.into()), ..grep(regex("hi")) };
        assert!(key("ada").matches(&record()));
        assert!(!key("ad").matches(&record()));
        assert!(!key("").matches(&Owned { key: None, ..record() }));
    }

    #[test]
    fn a_header_is_found_by_name_or_by_name_and_value() {
        let has = |headers| Filter { headers, ..Filter::default() }.matches(&record());
        assert!(has(vec![header("a", None)]));
        assert!(has(vec![header("a", Some("1"))]));
        assert!(!has(vec![header("a", Some(""))]));
        assert!(!has(vec![header("a", None), header("b", None)]));
    }
}
