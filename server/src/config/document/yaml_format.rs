//! YAML, and with it JSON, into a tree with positions: events of the parser beneath serde-saphyr,
//! taken directly because deserialising through serde would turn `2.50` into a float and lose the
//! line of everything that parses but is wrong. Custom tags and several documents are refused.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{Entry, Form, Node, Position, SyntaxError, Value};

/// Bounds what `*aliases` can blow a small file up to.
const MAX_ALIASED_NODES: usize = 100_000;

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        aliased: 0,
    };
    let mut root = None;
    while let Some((event, span)) = builder.next()? {
        match event {
            Event::DocumentStart(..) if root.is_some() => {
                return Err(error(
                    &span,
                    "a second document; one file holds one configuration",
                ));
            }
            Event::StreamStart
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::StreamEnd => {}
            event => root = Some(builder.node(event, &span)?),
        }
    }
    Ok(root.unwrap_or(Node {
        value: Value::Null,
        position: Position { line: 1, column: 1 },
    }))
}

struct Builder<'text> {
    parser: Parser<'text, StrInput<'text>>,
    anchors: HashMap<usize, Node>,
    aliased: usize,
}

impl<'text> Builder<'text> {
    fn next(&mut self) -> Result<Option<(Event<'text>, Span)>, SyntaxError> {
        self.parser
            .next_event()
            .transpose()
            .map_err(|e| scan_error(&e))
    }

    fn expect_next(&mut self, within: &Span) -> Result<(Event<'text>, Span), SyntaxError> {
        self.next()?
            .ok_or_else(|| error(within, "the file ends in the middle of this"))
    }

    /// The node that starts with `event`. Its depth is bounded by the parser's nesting limits.
    fn node(&mut self, event: Event<'text>, span: &Span) -> Result<Node, SyntaxError> {
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, tag.as_deref(), span)?, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Value::List(self.list(span)?), anchor),
            Event::MappingStart(_, anchor, _) => (Value::Map(self.map(span)?), anchor),
            Event::Alias(id) => return self.alias(id, span),
            _ => return Err(error(span, "a value is missing here")),
        };
        let node = Node {
            value,
            position: position(span),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: &Span) -> Result<Vec<Node>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.expect_next(start)? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, &span)?),
            }
        }
    }

    fn map(&mut self, start: &Span) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (key, key_span) = match self.expect_next(start)? {
                (Event::MappingEnd, _) => break,
                (Event::Scalar(text, ..), span) => (text.into_owned(), span),
                (_, span) => return Err(error(&span, "a key has to be a plain text")),
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!(
                    "the key {key:?} is here twice; it is first on line {}",
                    first.key_position.line
                );
                return Err(error(&key_span, &message));
            }
            let (event, span) = self.expect_next(&key_span)?;
            let node = self.node(event, &span)?;
            if key == "<<" {
                merged.push((node, key_span));
            } else {
                entries.push(Entry {
                    key,
                    key_position: position(&key_span),
                    node,
                });
            }
        }
        for (node, span) in merged {
            merge(&mut entries, node, &span)?;
        }
        Ok(entries)
    }

    fn alias(&mut self, id: usize, span: &Span) -> Result<Node, SyntaxError> {
        let node = self
            .anchors
            .get(&id)
            .ok_or_else(|| error(span, "this alias refers to what it is itself a part of"))?;
        self.aliased += size(node);
        if self.aliased > MAX_ALIASED_NODES {
            return Err(error(span, "aliases make this file too large"));
        }
        Ok(node.clone())
    }
}

/// `<<: *defaults`: what the mapping does not say itself is taken from another one.
fn merge(entries: &mut Vec<Entry>, from: Node, span: &Span) -> Result<(), SyntaxError> {
    match from.value {
        Value::Map(others) => {
            for other in others {
                if entries.iter().all(|entry| entry.key != other.key) {
                    entries.push(other);
                }
            }
            Ok(())
        }
        Value::List(maps) => maps
            .into_iter()
            .try_for_each(|map| merge(entries, map, span)),
        _ => Err(error(span, "`<<` merges mappings only")),
    }
}

fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    span: &Span,
) -> Result<Value, SyntaxError> {
    let form = match tag.map(Tag::core_suffix) {
        Some(Some("str")) => Form::Quoted,
        Some(_) => return Err(error(span, "tags have no meaning in this file")),
        None if style == ScalarStyle::Plain => Form::Plain,
        None => Form::Quoted,
    };
    if form == Form::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Value::Null);
    }
    Ok(Value::Scalar {
        text: text.to_owned(),
        form,
    })
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar { .. } => 0,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.node)).sum(),
    }
}

fn position(span: &Span) -> Position {
    Position {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}

fn error(span: &Span, message: &str) -> SyntaxError {
    SyntaxError {
        position: position(span),
        message: message.to_owned(),
    }
}

fn scan_error(error: &ScanError) -> SyntaxError {
    SyntaxError {
        position: Position {
            line: error.marker().line(),
            column: error.marker().col() + 1,
        },
        message: error.info(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_at<'n>(node: &'n Node, keys: &[&str]) -> &'n str {
        let found = keys
            .iter()
            .fold(node, |node, key| &node.get(key).expect("the key").node);
        match &found.value {
            Value::Scalar { text, .. } => text,
            _ => panic!("not a scalar"),
        }
    }

    #[test]
    fn anchors_and_merges_share_settings_and_the_nearer_one_wins() {
        let node = parse("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n").expect("well formed");
        assert_eq!(text_at(&node, &["y", "a"]), "1");
        assert_eq!(text_at(&node, &["y", "b"]), "3");
    }

    #[test]
    fn json_is_read_with_its_escapes_and_indented_by_tabs() {
        let node =
            parse("{\n\t\"a\": \"\\u00e9\\/\\n\\ud83d\\ude00\",\n\t\"b\": {\"c\": 2.50}\n}\n")
                .expect("JSON");
        assert_eq!(text_at(&node, &["a"]), "é/\n😀");
        assert_eq!(text_at(&node, &["b", "c"]), "2.50");
    }

    #[test]
    fn what_is_not_one_plain_document_is_refused_with_its_line() {
        let cases = [
            ("a: 1\nb: [1,\n", 2),
            ("a: 1\na: 2\n", 2),
            ("a: 1\n---\nb: 2\n", 2),
            ("a: !!binary aGk=\n", 1),
            ("a: 1\n? [k]\n: 2\n", 2),
            ("a: &a [*a]\n", 1),
        ];
        for (text, line) in cases {
            let error = parse(text)
                .err()
                .unwrap_or_else(|| panic!("accepted: {text}"));
            assert_eq!(error.position.line, line, "{text}: {}", error.message);
        }
    }

    #[test]
    fn aliases_cannot_blow_a_file_up() {
        let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let error = parse(&text).err().expect("refused");
        assert_eq!(error.message, "aliases make this file too large");
    }
}
