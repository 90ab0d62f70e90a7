//! Near matches for names that were mistyped, and the sentence that offers them.

/// `; did you mean "x"?`, or else what there is to choose from.
pub(super) fn suggestion<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    otherwise: &str,
) -> String {
    if let Some(near) = nearest(wrong, known.clone()) {
        return format!("; did you mean {near:?}?");
    }
    let names: Vec<&str> = known.into_iter().collect();
    if names.is_empty() {
        return String::new();
    }
    const SHOWN: usize = 12;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown = &names[..names.len().min(SHOWN)];
    format!("; {otherwise} {}{more}", shown.join(", "))
}

/// The known name that is most like a wrong one, if any is like it at all.
pub(super) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.85)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_match_is_offered_and_otherwise_the_choice() {
        let known = ["openai", "anthropic", "bedrock"];
        assert_eq!(
            suggestion("opnai", known, "use one of"),
            "; did you mean \"openai\"?"
        );
        assert_eq!(
            suggestion("Anthropic", known, "use one of"),
            "; did you mean \"anthropic\"?"
        );
        assert_eq!(
            suggestion("xyz", known, "use one of"),
            "; use one of openai, anthropic, bedrock"
        );
        assert_eq!(suggestion("xyz", [], "use one of"), "");
    }
}
