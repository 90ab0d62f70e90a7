//! The editor: a plain text area, which works without JavaScript; with it, colours lie behind the text.

use leptos::{
    ev, html,
    prelude::*,
    wasm_bindgen::JsCast as _,
    web_sys::{Element, HtmlElement, HtmlTextAreaElement},
};

use crate::components::form_field::{AreaField, FormFailure};

/// What a piece of code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Keyword,
    Text,
    Number,
    Comment,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Keyword => "tok-keyword",
            Self::Text => "tok-text",
            Self::Number => "tok-number",
            Self::Comment => "tok-comment",
        }
    }
}

const KEYWORDS: [&str; 33] = [
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "default",
    "delete",
    "do",
    "else",
    "export",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "null",
    "of",
    "return",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "while",
];

/// Code in pieces that have one colour each. It is no parser: what it does not know stays plain.
fn pieces(code: &str) -> Vec<(Kind, &str)> {
    let mut pieces: Vec<(Kind, usize)> = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        match pieces.last_mut() {
            // Neighbours without a colour are one piece.
            Some((Kind::Plain, last)) if kind == Kind::Plain => *last += length,
            _ => pieces.push((kind, length)),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    let mut rest = code;
    pieces
        .into_iter()
        .map(|(kind, length)| {
            let (piece, after) = rest.split_at(length);
            rest = after;
            (kind, piece)
        })
        .collect()
}

/// What begins at `rest` and how many bytes it has.
fn next(rest: &str, first: char) -> (Kind, usize) {
    let until = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return (Kind::Comment, until(rest.find('\n')));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, until(rest.find("*/").map(|at| at + 2)));
    }
    if matches!(first, '"' | '\'' | '`') {
        return (Kind::Text, quoted(rest, first));
    }
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    if first.is_ascii_digit() {
        return (Kind::Number, until(rest.find(|c| !word(c))));
    }
    if first.is_alphabetic() || matches!(first, '_' | '$') {
        let length = until(rest.find(|c: char| !word(c) || c == '.'));
        let known = rest
            .get(..length)
            .is_some_and(|word| KEYWORDS.contains(&word));
        return (if known { Kind::Keyword } else { Kind::Plain }, length);
    }
    (Kind::Plain, first.len_utf8())
}

/// Bytes up to and with the closing quote; a line ends what is not closed, unless it is a template.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != '`' => return at,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[component]
pub fn CodeField(failure: FormFailure, code: String) -> impl IntoView {
    let text = RwSignal::new(code.clone());
    let layer = NodeRef::<html::Pre>::new();
    let field = NodeRef::<html::Div>::new();
    // After a reload the browser may have put back what stood in the area.
    Effect::new(move |_| {
        let area = field
            .get()
            .and_then(|field| field.query_selector("textarea").ok()?);
        let area = area.and_then(|area| area.dyn_into::<HtmlTextAreaElement>().ok());
        if let (Some(area), Some(layer)) = (area, layer.get()) {
            text.set(area.value());
            // The label above the area is as high as its letters.
            let top = format!("{}px", area.offset_top());
            // A browser refuses only what is no length.
            let _ = HtmlElement::style(&layer).set_property("top", &top);
        }
    });
    let scroll = move |event: ev::Event| {
        if let Some(layer) = layer.get_untracked() {
            let area = event_target::<Element>(&event);
            layer.set_scroll_top(area.scroll_top());
            layer.set_scroll_left(area.scroll_left());
        }
    };
    view! {
        <div
            class="editor"
            node_ref=field
            on:input=move |event| text.set(event_target_value(&event))
            on:scroll:capture=scroll
        >
            <pre class="layer" aria-hidden="true" node_ref=layer>
                {move || {
                    let text = text.read();
                    pieces(&text)
                        .into_iter()
                        .map(|(kind, piece)| {
                            let piece = piece.to_owned();
                            view! { <span class=kind.class()>{piece}</span> }
                        })
                        .collect_view()
                }}
                "\n"
            </pre>
            <AreaField form="script" name="code" label="Code" failure value=code rows=22 code=true/>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_code_and_have_their_colours() {
        let code = "// é\nexport const a1 = `x\n${1}` + 'it\\'s' + 2.5; /* open";
        let pieces = pieces(code);
        let whole: String = pieces.iter().map(|(_, piece)| *piece).collect();
        assert_eq!(whole, code);
        let of = |kind| {
            let found = pieces.iter().filter(move |(known, _)| *known == kind);
            found.map(|(_, piece)| *piece).collect::<Vec<_>>()
        };
        assert_eq!(of(Kind::Comment), ["// é", "/* open"]);
        assert_eq!(of(Kind::Keyword), ["export", "const"]);
        assert_eq!(of(Kind::Text), ["`x\n${1}`", "'it\\'s'"]);
        assert_eq!(of(Kind::Number), ["2.5"]);
        for broken in ["'never closed", "`", "\\", "/*", "é'"] {
            let whole: String = super::pieces(broken)
                .iter()
                .map(|(_, piece)| *piece)
                .collect();
            assert_eq!(whole, broken);
        }
    }
}
