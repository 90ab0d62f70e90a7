//! Differences of texts, line by line.

use domain::notes::{DiffLine, DiffMark};
use similar::{ChangeTag, TextDiff};

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// What becomes of `before` on the way to `after`; nothing where they are the same.
#[must_use]
pub fn lines(before: &str, after: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            lines.push(DiffLine {
                mark: DiffMark::Gap,
                text: String::new(),
            });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines.push(DiffLine {
                mark: match change.tag() {
                    ChangeTag::Equal => DiffMark::Same,
                    ChangeTag::Insert => DiffMark::Added,
                    ChangeTag::Delete => DiffMark::Removed,
                },
                text: change.value().trim_end_matches(['\r', '\n']).to_owned(),
            });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let before: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let after = before
            .replace("line 2\n", "line two\n")
            .replace("line 19\n", "");
        let lines = lines(&before, &after);
        let marked = |mark| {
            let found = lines.iter().filter(move |line| line.mark == mark);
            found.map(|line| line.text.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(marked(DiffMark::Removed), ["line 2", "line 19"]);
        assert_eq!(marked(DiffMark::Added), ["line two"]);
        assert_eq!(marked(DiffMark::Gap), [""]);
        assert!(!marked(DiffMark::Same).contains(&"line 10"));
        assert!(super::lines(&before, &before).is_empty());
    }
}
