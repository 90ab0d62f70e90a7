//! What reading a configuration needs at hand and collects on its way: the tree, the environment,
//! and everything that is wrong. Reading goes on after a problem, so that all are reported at once.

use std::{cell::RefCell, collections::HashMap};

#[cfg(test)]
use std::collections::BTreeSet;

use super::{
    difference::Document,
    document::{Format, Node, Position, SyntaxError, Value, interpolate},
    environment::Environment,
    error::{Place, Problem},
    foreign,
    from_text::FromText,
    reader::{Field, Section},
    stored::{StoredEntry, StoredSection},
};

pub(super) struct Context<'a> {
    /// What the text is called in messages; `None` when there is no text.
    name: Option<String>,
    root: Node,
    /// The tree before variables were put in.
    raw: Option<Node>,
    /// What administrators have made, beside the file.
    stored: Vec<(StoredSection, Node)>,
    environment: &'a Environment,
    /// Keys whose value did not come from the text, and where it came from.
    overridden: RefCell<HashMap<String, Place>>,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
    /// Every key and variable that was asked for, to hold the example file against.
    #[cfg(test)]
    pub vocabulary: RefCell<Vocabulary>,
}

#[cfg(test)]
#[derive(Default)]
pub(super) struct Vocabulary {
    pub keys: BTreeSet<String>,
    pub variables: BTreeSet<&'static str>,
}

impl<'a> Context<'a> {
    /// A context without a text: only the environment and defaults speak.
    pub fn without_text(environment: &'a Environment) -> Self {
        let position = Position { line: 1, column: 1 };
        Self {
            name: None,
            root: Node {
                value: Value::Null,
                position,
            },
            raw: None,
            stored: Vec::new(),
            environment,
            overridden: RefCell::default(),
            problems: RefCell::default(),
            warnings: RefCell::default(),
            #[cfg(test)]
            vocabulary: RefCell::default(),
        }
    }

    /// Parses `text`, called `name` in messages, and puts environment variables in.
    pub fn of_text(name: &str, text: &str, format: Format, environment: &'a Environment) -> Self {
        let mut context = Self::of_raw_text(name, text, format, environment);
        context.interpolate();
        context
    }

    /// The same without putting variables in.
    pub fn of_raw_text(
        name: &str,
        text: &str,
        format: Format,
        environment: &'a Environment,
    ) -> Self {
        let mut context = Self::without_text(environment);
        context.parse(name, text, format);
        context.adopt();
        context.raw = Some(context.root.clone());
        context
    }

    /// Puts another router's file into our shape.
    fn adopt(&mut self) {
        let Some(adopted) = foreign::adopt(&self.root) else {
            return;
        };
        self.root = adopted.root;
        for (position, message) in adopted.problems {
            self.report_at(self.text_place(position), "", message);
        }
        let name = self.name().to_owned();
        for (position, note) in adopted.notes {
            self.warn(format!("{name}:{position}: {note}"));
        }
    }

    /// Adds what administrators have made. Nothing is put into it: whoever edits it must not thereby read the
    /// environment.
    pub fn add_stored<'e>(&mut self, entries: impl Iterator<Item = &'e StoredEntry>) {
        let position = Position { line: 1, column: 1 };
        let null = || Node {
            value: Value::Null,
            position,
        };
        let nodes = entries.map(|entry| {
            let node = Format::Yaml.parse(&entry.json).unwrap_or_else(|_| null());
            (entry.section, node)
        });
        self.stored.extend(nodes);
    }

    /// The stored mappings of a section, which stand behind the `first` ones of its list.
    pub fn stored(&self, section: StoredSection, first: usize) -> Vec<Section<'_>> {
        let nodes = self.stored.iter().filter(|(of, _)| *of == section);
        nodes
            .enumerate()
            .map(|(number, (_, node))| {
                let path = format!("{}[{}]", section.key(), first + number);
                Section::new(self, path, Some(node))
            })
            .collect()
    }

    /// The file as it was read.
    pub fn document(&self) -> Document {
        self.raw.clone().map(Document).unwrap_or_default()
    }

    /// Parses the text that a variable holds. Nothing is put into it: it is the environment already.
    pub fn of_variable(
        name: &str,
        text: &str,
        format: Format,
        environment: &'a Environment,
    ) -> Self {
        let mut context = Self::without_text(environment);
        context.parse(name, text, format);
        context
    }

    fn parse(&mut self, name: &str, text: &str, format: Format) {
        self.name = Some(name.to_owned());
        match format.parse(text) {
            Ok(root) => self.root = root,
            Err(SyntaxError { position, message }) => {
                self.report_at(self.text_place(position), "", message);
            }
        }
    }

    fn interpolate(&mut self) {
        let mut missing = Vec::new();
        interpolate(&mut self.root, self.environment, &mut |path, message| {
            missing.push((path.to_owned(), message));
        });
        for (path, message) in missing {
            self.report(&path, message);
        }
    }

    pub fn root(&self) -> Section<'_> {
        Section::new(self, String::new(), Some(&self.root))
    }

    /// A document that is a list of mappings and nothing else.
    pub fn root_list(&self) -> Vec<Section<'_>> {
        Field::of(self, String::new(), Some(&self.root)).sections()
    }

    pub fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// A setting that only the environment has.
    pub fn variable<T: FromText>(&self, name: &'static str) -> Option<T> {
        #[cfg(test)]
        self.vocabulary.borrow_mut().variables.insert(name);
        let text = self.environment.get(name)?;
        T::from_variable(text)
            .map_err(|message| self.report_at(Place::Variable(name.to_owned()), "", message))
            .ok()
    }

    /// The name of the text, for messages about all of it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("built-in defaults")
    }

    /// Reports a problem with the value at `path`, wherever that value was given.
    pub fn report(&self, path: &str, message: impl Into<String>) {
        let overridden = self.overridden.borrow().get(path).cloned();
        let place = overridden.unwrap_or_else(|| self.text_place(self.root.locate(path)));
        self.report_at(place, path, message);
    }

    pub fn report_at(&self, place: Place, path: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            place,
            key: path.to_owned(),
            message: message.into(),
        });
    }

    pub fn warn(&self, warning: impl Into<String>) {
        self.warnings.borrow_mut().push(warning.into());
    }

    /// Remembers that the value at `path` was given outside the text.
    pub fn overridden(&self, path: &str, place: Place) {
        self.overridden.borrow_mut().insert(path.to_owned(), place);
    }

    pub fn text_place(&self, position: Position) -> Place {
        match &self.name {
            Some(name) => Place::Text {
                name: name.clone(),
                position,
            },
            None => Place::Default,
        }
    }

    /// Problems, in the order of the text, and warnings.
    pub fn into_findings(self) -> (Vec<Problem>, Vec<String>) {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| match &problem.place {
            Place::Text { position, .. } => (0, position.line, position.column),
            _ => (1, 0, 0),
        });
        (problems, self.warnings.into_inner())
    }

    /// Takes over what was found while reading another text.
    pub fn absorb(&self, other: Context<'_>) {
        let (problems, warnings) = other.into_findings();
        self.problems.borrow_mut().extend(problems);
        self.warnings.borrow_mut().extend(warnings);
    }
}
