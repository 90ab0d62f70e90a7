//! TOML into a tree with positions, by the `toml` crate's own spanned tables. Nothing is interpreted
//! here: numbers keep the digits that were written.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Entry, Form, Node, Position, SyntaxError, Value};

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        position: position(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    Ok(Node {
        value: map(text, table.get_ref()),
        position: Position { line: 1, column: 1 },
    })
}

fn map(text: &str, table: &DeTable<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| Entry {
        key: key.get_ref().to_string(),
        key_position: position(text, key.span().start),
        node: node(text, value),
    });
    Value::Map(entries.collect())
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let scalar = |text: String, form| Value::Scalar { text, form };
    Node {
        position: position(text, value.span().start),
        value: match value.get_ref() {
            DeValue::String(string) => scalar(string.to_string(), Form::Quoted),
            DeValue::Integer(integer) if integer.radix() == 10 => {
                scalar(integer.as_str().to_owned(), Form::Plain)
            }
            DeValue::Integer(integer) => {
                let number = i128::from_str_radix(integer.as_str(), integer.radix());
                scalar(
                    number.map_or_else(|_| integer.to_string(), |n| n.to_string()),
                    Form::Plain,
                )
            }
            DeValue::Float(float) => scalar(float.as_str().to_owned(), Form::Plain),
            DeValue::Boolean(boolean) => scalar(boolean.to_string(), Form::Plain),
            DeValue::Datetime(datetime) => scalar(datetime.to_string(), Form::Quoted),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| node(text, item)).collect())
            }
            DeValue::Table(table) => map(text, table),
        },
    }
}

/// Line and column of a byte, the column in characters.
fn position(text: &str, byte: usize) -> Position {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let node = parse("a = 2.50\nb = 0x10\nc = 1_000\n").expect("well formed");
        for (key, expected) in [("a", "2.50"), ("b", "16"), ("c", "1000")] {
            match &node.get(key).expect("the key").node.value {
                Value::Scalar { text, .. } => assert_eq!(text, expected),
                _ => panic!("not a scalar"),
            }
        }
    }

    #[test]
    fn a_syntax_error_names_its_place() {
        let error = parse("a = 1\nb = = 2\n").err().expect("refused");
        assert_eq!(error.position, Position { line: 2, column: 5 });
    }
}
