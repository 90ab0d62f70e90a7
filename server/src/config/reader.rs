//! Typed reading of a tree: sections ask for fields, and what nobody asked for is an unknown key.
//! The set of valid keys is therefore the code that reads them and cannot drift from it. A field
//! that is wrong is reported and read as absent, so that one mistake does not hide the next.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    context::Context,
    document::{Entry, Form, Node, Value, is_boolean, is_number},
    error::Place,
    from_text::{FromText, Written},
    suggest::suggestion,
};

/// A mapping that is being read.
pub(super) struct Section<'c> {
    context: &'c Context<'c>,
    path: String,
    entries: &'c [Entry],
    /// It is no mapping, which has been reported: nothing that is missing from it is news.
    broken: bool,
    known: RefCell<Vec<&'static str>>,
}

/// One key of a section, there or not.
pub(super) struct Field<'c> {
    context: &'c Context<'c>,
    path: String,
    node: Option<&'c Node>,
    /// The section around it is no mapping.
    broken: bool,
    variables: &'static [&'static str],
}

impl<'c> Section<'c> {
    pub fn new(context: &'c Context<'c>, path: String, node: Option<&'c Node>) -> Self {
        let (entries, broken) = match node.map(|node| (&node.value, node)) {
            Some((Value::Map(entries), _)) => (entries.as_slice(), false),
            None | Some((Value::Null, _)) => (&[][..], false),
            Some((_, node)) => {
                if !is_unset(node) {
                    let message = format!("expected a mapping, found {}", node.noun());
                    context.report_at(context.text_place(node.position), &path, message);
                }
                (&[][..], true)
            }
        };
        Self {
            context,
            path,
            entries,
            broken,
            known: RefCell::default(),
        }
    }

    pub fn context(&self) -> &'c Context<'c> {
        self.context
    }

    /// The key path of one of this section's keys.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Reports a problem with one of this section's keys.
    pub fn report(&self, key: &str, message: impl Into<String>) {
        self.context.report(&self.path_of(key), message);
    }

    /// Whether the file gives `key` a value.
    pub fn has(&self, key: &str) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.key == key && !matches!(entry.node.value, Value::Null))
    }

    pub fn field(&self, key: &'static str) -> Field<'c> {
        self.known.borrow_mut().push(key);
        let path = self.path_of(key);
        #[cfg(test)]
        self.context
            .vocabulary
            .borrow_mut()
            .keys
            .insert(without_indices(&path));
        let entry = self.entries.iter().find(|entry| entry.key == key);
        Field {
            broken: self.broken,
            ..Field::of(self.context, path, entry.map(|entry| &entry.node))
        }
    }

    /// The mappings in a mapping from names of the operator's choice.
    pub fn into_sections(self) -> Vec<(String, Section<'c>)> {
        self.entries
            .iter()
            .map(|entry| {
                let path = self.path_of(&entry.key);
                let section = Section::new(self.context, path, Some(&entry.node));
                (entry.key.clone(), section)
            })
            .collect()
    }

    /// Reports every key that no one has asked for. To be called when all fields have been read.
    pub fn deny_unknown_keys(&self) {
        let known = self.known.borrow();
        for entry in self.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let near = suggestion(&entry.key, known.iter().copied(), "the keys here are");
            self.context.report_at(
                self.context.text_place(entry.key_position),
                &self.path_of(&entry.key),
                format!("unknown key{near}"),
            );
        }
    }
}

impl<'c> Field<'c> {
    pub fn of(context: &'c Context<'c>, path: String, node: Option<&'c Node>) -> Self {
        Self {
            context,
            path,
            node,
            broken: false,
            variables: &[],
        }
    }

    /// Environment variables that decide before the file does, the first that is set winning.
    pub fn variables(mut self, names: &'static [&'static str]) -> Self {
        #[cfg(test)]
        self.context.vocabulary.borrow_mut().variables.extend(names);
        self.variables = names;
        self
    }

    /// Whether the file gives this key a value.
    pub fn is_given(&self) -> bool {
        self.node
            .is_some_and(|node| !matches!(node.value, Value::Null))
    }

    pub fn or<T: FromText>(self, default: T) -> T {
        self.optional().unwrap_or(default)
    }

    /// The value, or a problem where there is none.
    pub fn required<T: FromText>(self) -> Option<T> {
        if self.broken {
            return None;
        }
        if !self.is_given() {
            let message = format!("missing; expected {}", T::EXPECTED);
            self.context.report(&self.path, message);
            return None;
        }
        let path = self.path.clone();
        let context = self.context;
        let interpolated_to_nothing = self.node.is_some_and(is_empty_interpolation);
        let value = self.optional();
        if value.is_none() && interpolated_to_nothing {
            context.report(&path, format!("empty; expected {}", T::EXPECTED));
        }
        value
    }

    pub fn optional<T: FromText>(self) -> Option<T> {
        if let Some((name, text)) = self.variable() {
            let place = Place::Variable(name.to_owned());
            self.context.overridden(&self.path, place.clone());
            return T::from_variable(text)
                .map_err(|message| self.context.report_at(place, &self.path, message))
                .ok();
        }
        scalar(self.context, &self.path, self.node?)
    }

    /// A list of scalars; in a variable, separated by commas.
    pub fn list<T: FromText>(self) -> Vec<T> {
        if let Some((name, text)) = self.variable() {
            let place = Place::Variable(name.to_owned());
            self.context.overridden(&self.path, place.clone());
            let texts = text
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            return texts
                .filter_map(|text| {
                    T::from_variable(text)
                        .map_err(|e| self.context.report_at(place.clone(), &self.path, e))
                        .ok()
                })
                .collect();
        }
        let context = self.context;
        self.items()
            .into_iter()
            .filter_map(|(path, node)| {
                if matches!(node.value, Value::Null) {
                    context.report(&path, format!("empty; expected {}", T::EXPECTED));
                }
                scalar(context, &path, node)
            })
            .collect()
    }

    /// A mapping from names of the operator's choice.
    pub fn map<T: FromText>(self) -> BTreeMap<String, T> {
        let section = Section::new(self.context, self.path, self.node);
        section
            .entries
            .iter()
            .filter_map(|entry| {
                let path = section.path_of(&entry.key);
                Some((entry.key.clone(), scalar(self.context, &path, &entry.node)?))
            })
            .collect()
    }

    /// A mapping with keys of ours.
    pub fn section(self) -> Section<'c> {
        Section::new(self.context, self.path, self.node)
    }

    /// A list of mappings.
    pub fn sections(self) -> Vec<Section<'c>> {
        let context = self.context;
        self.items()
            .into_iter()
            .map(|(path, node)| Section::new(context, path, Some(node)))
            .collect()
    }

    fn items(self) -> Vec<(String, &'c Node)> {
        match self.node.map(|node| (&node.value, node)) {
            None | Some((Value::Null, _)) => Vec::new(),
            Some((Value::List(items), _)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (format!("{}[{index}]", self.path), item))
                .collect(),
            Some((_, node)) => {
                if !is_unset(node) {
                    let message = format!("expected a list, found {}", node.noun());
                    self.context.report(&self.path, message);
                }
                Vec::new()
            }
        }
    }

    fn variable(&self) -> Option<(&'static str, &'c str)> {
        let environment = self.context.environment();
        self.variables
            .iter()
            .find_map(|name| Some((*name, environment.get(name)?)))
    }
}

fn scalar<T: FromText>(context: &Context<'_>, path: &str, node: &Node) -> Option<T> {
    let report = |message: String| {
        context.report_at(context.text_place(node.position), path, message);
    };
    let Value::Scalar { text, form } = &node.value else {
        if !matches!(node.value, Value::Null) {
            report(format!("expected {}, found {}", T::EXPECTED, node.noun()));
        }
        return None;
    };
    if *form == Form::Unset || is_empty_interpolation(node) {
        return None;
    }
    let text_like = *form == Form::Quoted || !(is_boolean(text) || is_number(text));
    let fits = *form == Form::Interpolated
        || match T::WRITTEN {
            Written::Text => text_like,
            Written::Plain => *form == Form::Plain,
            Written::Either => true,
        };
    if !fits {
        let quote = match T::WRITTEN {
            Written::Text if T::SECRET => "; put it in quotes".to_owned(),
            Written::Text => format!("; put it in quotes: {text:?}"),
            _ if T::from_text(text).is_ok() => format!("; write it without quotes: {text}"),
            _ => String::new(),
        };
        report(format!(
            "expected {}, found {}{quote}",
            T::EXPECTED,
            node.noun()
        ));
        return None;
    }
    T::from_text(text).map_err(report).ok()
}

fn is_unset(node: &Node) -> bool {
    matches!(
        node.value,
        Value::Scalar {
            form: Form::Unset,
            ..
        }
    )
}

/// `${NAME:-}` with nothing in the variable: as if the key were not there.
fn is_empty_interpolation(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { form: Form::Interpolated, text } if text.is_empty())
}

/// `backends[3].name` as `backends[].name`.
#[cfg(test)]
fn without_indices(path: &str) -> String {
    let mut parts = path.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| {
        let after = part.split_once(']').map_or(part, |(_, after)| after);
        done + "[]" + after
    })
}
