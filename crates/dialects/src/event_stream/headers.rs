//! The table of headers of an event stream message, every type of value that the specification has.

use bytes::Buf as _;
use smallvec::SmallVec;

use super::EventStreamError;

/// The headers of one message, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Headers<'a>(SmallVec<[(&'a str, HeaderValue<'a>); 4]>);

/// A value of a header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeaderValue<'a> {
    Bool(bool),
    Byte(i8),
    Short(i16),
    Int(i32),
    Long(i64),
    Bytes(&'a [u8]),
    String(&'a str),
    /// Milliseconds since 1970.
    Timestamp(i64),
    Uuid([u8; 16]),
}

const CUT_OFF: EventStreamError = EventStreamError::Malformed("a header is cut off");
const NOT_TEXT: EventStreamError = EventStreamError::Malformed("a header is not UTF-8");

impl<'a> Headers<'a> {
    /// Reads the table.
    ///
    /// # Errors
    /// It is cut off, or has a type of value that the specification does not.
    pub fn parse(mut table: &'a [u8]) -> Result<Self, EventStreamError> {
        let mut headers = SmallVec::new();
        while !table.is_empty() {
            let name_len = usize::from(table.get_u8());
            let name = text(take(&mut table, name_len)?)?;
            headers.push((name, value(&mut table)?));
        }
        Ok(Self(headers))
    }

    /// The header of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<HeaderValue<'a>> {
        self.0
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }

    /// The header of this name, where it is a string.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&'a str> {
        match self.get(name) {
            Some(HeaderValue::String(text)) => Some(text),
            _ => None,
        }
    }
}

fn value<'a>(table: &mut &'a [u8]) -> Result<HeaderValue<'a>, EventStreamError> {
    let kind = table.try_get_u8().map_err(|_| CUT_OFF)?;
    Ok(match kind {
        0 => HeaderValue::Bool(true),
        1 => HeaderValue::Bool(false),
        2 => HeaderValue::Byte(table.try_get_i8().map_err(|_| CUT_OFF)?),
        3 => HeaderValue::Short(table.try_get_i16().map_err(|_| CUT_OFF)?),
        4 => HeaderValue::Int(table.try_get_i32().map_err(|_| CUT_OFF)?),
        5 => HeaderValue::Long(table.try_get_i64().map_err(|_| CUT_OFF)?),
        6 => HeaderValue::Bytes(sized(table)?),
        7 => HeaderValue::String(text(sized(table)?)?),
        8 => HeaderValue::Timestamp(table.try_get_i64().map_err(|_| CUT_OFF)?),
        9 => HeaderValue::Uuid(take(table, 16)?.try_into().map_err(|_| CUT_OFF)?),
        _ => return Err(EventStreamError::Malformed("a header of an unknown type")),
    })
}

fn sized<'a>(table: &mut &'a [u8]) -> Result<&'a [u8], EventStreamError> {
    let len = table.try_get_u16().map_err(|_| CUT_OFF)?;
    take(table, usize::from(len))
}

fn take<'a>(table: &mut &'a [u8], len: usize) -> Result<&'a [u8], EventStreamError> {
    let (taken, rest) = table.split_at_checked(len).ok_or(CUT_OFF)?;
    *table = rest;
    Ok(taken)
}

fn text(bytes: &[u8]) -> Result<&str, EventStreamError> {
    std::str::from_utf8(bytes).map_err(|_| NOT_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_value_is_read() {
        let mut table = Vec::new();
        let mut put = |name: &str, kind: u8, value: &[u8]| {
            table.push(u8::try_from(name.len()).expect("short"));
            table.extend_from_slice(name.as_bytes());
            table.push(kind);
            table.extend_from_slice(value);
        };
        put("yes", 0, &[]);
        put("no", 1, &[]);
        put("byte", 2, &[0xff]);
        put("short", 3, &[0x01, 0x02]);
        put("int", 4, &[0, 0, 1, 0]);
        put("long", 5, &[0xff; 8]);
        put("bytes", 6, &[0, 2, 7, 8]);
        put("string", 7, &[0, 3, b'a', b'b', b'c']);
        put("time", 8, &[0, 0, 0, 0, 0, 0, 3, 0xe8]);
        put("uuid", 9, &[9; 16]);
        let headers = Headers::parse(&table).expect("a table");
        assert_eq!(headers.get("yes"), Some(HeaderValue::Bool(true)));
        assert_eq!(headers.get("no"), Some(HeaderValue::Bool(false)));
        assert_eq!(headers.get("byte"), Some(HeaderValue::Byte(-1)));
        assert_eq!(headers.get("short"), Some(HeaderValue::Short(258)));
        assert_eq!(headers.get("int"), Some(HeaderValue::Int(256)));
        assert_eq!(headers.get("long"), Some(HeaderValue::Long(-1)));
        assert_eq!(headers.get("bytes"), Some(HeaderValue::Bytes(&[7, 8])));
        assert_eq!(headers.string("string"), Some("abc"));
        assert_eq!(headers.get("time"), Some(HeaderValue::Timestamp(1000)));
        assert_eq!(headers.get("uuid"), Some(HeaderValue::Uuid([9; 16])));
        assert_eq!(headers.get("none"), None);
        assert_eq!(headers.string("int"), None);
    }

    #[test]
    fn a_table_that_is_cut_off_or_unknown_is_refused() {
        let whole: &[u8] = &[1, b'a', 7, 0, 2, b'x', b'y'];
        assert!(Headers::parse(whole).is_ok());
        for cut in 1..whole.len() {
            assert_eq!(Headers::parse(&whole[..cut]), Err(CUT_OFF), "{cut}");
        }
        assert!(Headers::parse(&[1, b'a', 10]).is_err());
        assert_eq!(Headers::parse(&[1, 0xff, 0]), Err(NOT_TEXT));
    }
}
