//! `${NAME}` in any text of the file becomes the value of an environment variable, `${NAME:-text}`
//! has a default for one that is missing or empty, and `$${` is a plain `${`. Keys and comments are
//! left alone, and what a variable contains is never looked into again.

use super::{Form, Node, Value};
use crate::config::environment::Environment;

/// Replaces the variables of a whole tree. Each failure is given to `report` with its key path.
pub(in crate::config) fn interpolate(
    node: &mut Node,
    environment: &Environment,
    report: &mut dyn FnMut(&str, String),
) {
    walk(node, "", environment, report);
}

fn walk(
    node: &mut Node,
    path: &str,
    environment: &Environment,
    report: &mut dyn FnMut(&str, String),
) {
    match &mut node.value {
        Value::Null => {}
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{index}]"), environment, report);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", entry.key);
                walk(&mut entry.node, &path, environment, report);
            }
        }
        Value::Scalar { text, form } => {
            if !text.contains("${") {
                return;
            }
            match expand(text, environment) {
                Ok(Expanded {
                    text: new,
                    variables,
                }) => {
                    *text = new;
                    if variables {
                        *form = Form::Interpolated;
                    }
                }
                Err(message) => {
                    *form = Form::Unset;
                    report(path, message);
                }
            }
        }
    }
}

struct Expanded {
    text: String,
    /// Whether a variable was read, and not only an escape undone.
    variables: bool,
}

fn expand(text: &str, environment: &Environment) -> Result<Expanded, String> {
    let mut out = String::with_capacity(text.len());
    let mut variables = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let Some((inside, after)) = from[2..].split_once('}') else {
            return Err("`${` without a `}`; write `$${` for a plain `${`".to_owned());
        };
        out.push_str(lookup(inside, environment)?);
        variables = true;
        rest = after;
    }
    out.push_str(rest);
    Ok(Expanded {
        text: out,
        variables,
    })
}

fn lookup<'a>(inside: &'a str, environment: &'a Environment) -> Result<&'a str, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        return Err(format!(
            "{name:?} is not the name of an environment variable; write `${{NAME}}` or `${{NAME:-default}}`"
        ));
    }
    let value = environment.get(name).or(default);
    value.ok_or_else(|| {
        format!(
            "the environment variable {name} is not set; set it, or write ${{{name}:-default}} to do without"
        )
    })
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let environment = Environment::from_iter([("KEY", "k-${OTHER}"), ("EMPTY", "")]);
        expand(text, &environment).map(|expanded| expanded.text)
    }

    #[test]
    fn variables_defaults_and_escapes() {
        let cases = [
            ("${KEY}", "k-${OTHER}"),
            ("a ${KEY} b ${KEY}", "a k-${OTHER} b k-${OTHER}"),
            ("${NONE:-x}", "x"),
            ("${NONE:-}", ""),
            ("${EMPTY:-x}", "x"),
            ("$${KEY}", "${KEY}"),
            ("$5 and $KEY", "$5 and $KEY"),
        ];
        for (text, expected) in cases {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_missing_variable_and_bad_syntax_are_errors() {
        assert!(expanded("${NONE}").is_err_and(|e| e.contains("NONE is not set")));
        assert!(expanded("${EMPTY}").is_err_and(|e| e.contains("EMPTY is not set")));
        assert!(expanded("${KEY").is_err_and(|e| e.contains("without a `}`")));
        assert!(expanded("${a b}").is_err_and(|e| e.contains("is not the name")));
        assert!(expanded("${}").is_err_and(|e| e.contains("is not the name")));
    }
}
