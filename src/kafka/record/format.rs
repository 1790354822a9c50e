//! Format strings for `consume -o`: `%k\t%v\n`.

use std::io::Write as _;

use super::Record;

/// A format string, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Timestamp,
    Key,
    Value,
    KeySize,
    ValueSize,
    Headers,
}

impl Format {
    /// Parses `format`:
    /// `%t` topic, `%p` partition, `%o` offset, `%T` timestamp (ms since 1970, -1 where there is none), `%k` key,
    /// `%v` value, `%K` and `%s` their sizes in bytes (-1 for null), `%h` headers as `a=1,b=2`, `%%`;
    /// `\n`, `\t`, `\r`, `\0`, `\\` and `\xNN`.
    ///
    /// # Errors
    /// The unknown directive or escape.
    pub fn parse(format: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut bytes = Vec::new();
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => {
                    let directive = chars.next().ok_or("it ends in the middle of a `%`")?;
                    let piece = match directive {
                        '%' => {
                            bytes.push(b'%');
                            continue;
                        }
                        't' => Piece::Topic,
                        'p' => Piece::Partition,
                        'o' => Piece::Offset,
                        'T' => Piece::Timestamp,
                        'k' => Piece::Key,
                        'v' => Piece::Value,
                        'K' => Piece::KeySize,
                        's' => Piece::ValueSize,
                        'h' => Piece::Headers,
                        other => {
                            return Err(format!("`%{other}` is none of %t %p %o %T %k %v %K %s %h %%"));
                        }
                    };
                    if !bytes.is_empty() {
                        pieces.push(Piece::Bytes(std::mem::take(&mut bytes)));
                    }
                    pieces.push(piece);
                }
                '\\' => bytes.push(escape(&mut chars)?),
                c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !bytes.is_empty() {
            pieces.push(Piece::Bytes(bytes));
        }
        Ok(Format(pieces))
    }

    /// Appends `record` in this format.
    pub fn write(&self, out: &mut Vec<u8>, record: &impl Record) {
        for piece in &self.0 {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Topic => out.extend_from_slice(record.topic().as_bytes()),
                Piece::Partition => number(out, record.partition().into()),
                Piece::Offset => number(out, record.offset()),
                Piece::Timestamp => number(out, record.timestamp().unwrap_or(-1)),
                Piece::Key => out.extend_from_slice(record.key().unwrap_or_default()),
                Piece::Value => out.extend_from_slice(record.value().unwrap_or_default()),
                Piece::KeySize => number(out, size(record.key())),
                Piece::ValueSize => number(out, size(record.value())),
                Piece::Headers => {
                    for (i, header) in record.headers().iter().enumerate() {
                        if i > 0 {
                            out.push(b',');
                        }
                        out.extend_from_slice(header.key);
                        if let Some(value) = header.value {
                            out.push(b'=');
                            out.extend_from_slice(value);
                        }
                    }
                }
            }
        }
    }
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match chars.next() {
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('r') => Ok(b'\r'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let digits: String = chars.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == 2 && !digits.starts_with('+'))
                .ok_or_else(|| format!("`\\x{digits}` is no two hex digits"))
        }
        Some(other) => Err(format!("`\\{other}` is none of \\n \\t \\r \\0 \\\\ \\xNN")),
        None => Err("it ends in the middle of a `\\`".to_owned()),
    }
}

fn number(out: &mut Vec<u8>, number: i64) {
    write!(out, "{number}").expect("a Vec takes every write");
}

fn size(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::kafka::record::Owned;

    fn show(format: &str) -> String {
        let record = Owned {
            topic: "posts".to_owned(),
            partition: 3,
            offset: 17,
            timestamp: Some(5),
            key: Some(b"ada".to_vec()),
            value: None,
            headers: vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None)],
        };
        let mut out = Vec::new();
        Format::parse(format).unwrap().write(&mut out, &record);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_directive() {
        assert_eq!(show("%t[%p] @ %o %T"), "posts[3] @ 17 5");
        assert_eq!(show(r"%k\t%v\n"), "ada\t\n");
        assert_eq!(show("%K %s %h 100%%"), "3 -1 a=1,b 100%");
        assert_eq!(show(r"\x41\0\\é"), "A\0\\é");
    }

    #[test]
    fn mistakes_are_named() {
        let reason = |format: &str| Format::parse(format).unwrap_err();
        assert_eq!(reason("%q"), "`%q` is none of %t %p %o %T %k %v %K %s %h %%");
        assert_eq!(reason("%"), "it ends in the middle of a `%`");
        assert_eq!(reason(r"\x4"), r"`\x4` is no two hex digits");
        assert_eq!(reason(r"\x+4"), r"`\x+4` is no two hex digits");
        assert_eq!(reason(r"\q"), r"`\q` is none of \n \t \r \0 \\ \xNN");
    }
}
