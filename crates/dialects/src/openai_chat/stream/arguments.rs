//! Follows a tool call's arguments as they come, to know when they are whole: with parallel calls that
//! is what lets the next one through, and with servers that give no index what tells two calls apart.

/// How far the arguments of one call are. Keeps no text.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    depth: u32,
    in_string: bool,
    escaped: bool,
    begun: bool,
    whole: bool,
}

impl Arguments {
    /// They form a complete JSON object.
    pub(super) const fn whole(&self) -> bool {
        self.whole
    }

    pub(super) const fn begun(&self) -> bool {
        self.begun
    }

    /// Takes more, and returns how many bytes of it belong to the object: some servers repeat the whole
    /// arguments at the end, or send blanks behind them.
    pub(super) fn push(&mut self, text: &str) -> usize {
        if self.whole {
            return 0;
        }
        for (at, byte) in text.bytes().enumerate() {
            self.begun |= !byte.is_ascii_whitespace();
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        self.whole = true;
                        return at + 1;
                    }
                }
                _ => {}
            }
        }
        text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_text_is_cut() {
        let text = r#" {"a":"}\"{\\","b":[{}],"c":"é"}"#;
        for cut in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let mut arguments = Arguments::default();
            let (before, behind) = text.split_at(cut);
            assert_eq!(arguments.push(before), before.len());
            assert_eq!(arguments.whole(), cut == text.len());
            arguments.push(behind);
            assert!(arguments.whole());
            assert_eq!(arguments.push("{\"again\":1}"), 0);
        }
    }
}
