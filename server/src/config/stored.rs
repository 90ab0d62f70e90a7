//! Backends, groups and rewrites that administrators have made, in the words of the file, beside those of the
//! file. An entry that cannot be used (any more) is left out and told about, where the file would be
//! refused: it may have become wrong by a change of the file, and must not keep the router from starting.

use super::error::Problem;

/// A list of the file that has entries beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoredSection {
    Backend,
    Group,
    Rewrite,
}

impl StoredSection {
    /// The key of the list.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Backend => "backends",
            Self::Group => "groups",
            Self::Rewrite => "rewrites",
        }
    }
}

/// An entry, with what is secret in it.
#[derive(Clone)]
pub struct StoredEntry {
    pub section: StoredSection,
    /// An object with the members that the file would have.
    pub json: String,
}

/// It holds secrets.
impl std::fmt::Debug for StoredEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredEntry")
            .field("section", &self.section)
            .finish_non_exhaustive()
    }
}

/// An entry that is left out, and why.
#[derive(Clone, Debug)]
pub struct BrokenEntry {
    /// Its number among those that were given.
    pub entry: usize,
    /// Keys are those of the entry: `kind`, `members[0].backend`.
    pub problems: Vec<Problem>,
}

/// How many of each list come from the file or the environment; stored ones follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredFrom {
    pub backends: usize,
    pub groups: usize,
    pub rewrites: usize,
}

impl StoredFrom {
    const fn of(self, section: StoredSection) -> usize {
        match section {
            StoredSection::Backend => self.backends,
            StoredSection::Group => self.groups,
            StoredSection::Rewrite => self.rewrites,
        }
    }

    /// The stored entry that a key path such as `groups[4].name` belongs to: its section, its number among
    /// the stored ones of that section, and the path within it. `None`: it is the file's.
    pub(super) fn locate(self, path: &str) -> Option<(StoredSection, usize, &str)> {
        let all = [
            StoredSection::Backend,
            StoredSection::Group,
            StoredSection::Rewrite,
        ];
        all.into_iter().find_map(|section| {
            let rest = path.strip_prefix(section.key())?.strip_prefix('[')?;
            let (number, rest) = rest.split_once(']')?;
            let number: usize = number.parse().ok()?;
            let number = number.checked_sub(self.of(section))?;
            Some((section, number, rest.trim_start_matches('.')))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_behind_those_of_the_file_are_stored_ones() {
        let from = StoredFrom {
            backends: 2,
            groups: 0,
            rewrites: 1,
        };
        assert_eq!(from.locate("backends[1].kind"), None);
        assert_eq!(
            from.locate("backends[3].models[0].model"),
            Some((StoredSection::Backend, 1, "models[0].model"))
        );
        assert_eq!(
            from.locate("groups[0]"),
            Some((StoredSection::Group, 0, ""))
        );
        assert_eq!(from.locate("rewrites[0].target"), None);
        assert_eq!(from.locate("server.port"), None);
    }
}
