//! Which file is read: the one that the command line names, or else the environment, or else the one
//! that lies where the server is started.

use std::path::{Path, PathBuf};

use super::{Environment, Overrides, error::ConfigErrors};

/// The variable that names the file.
const VARIABLE: &str = "LLM_ROUTER_CONFIG";

/// In the order in which they are looked for.
const NAMES: [&str; 4] = [
    "llm-router.yaml",
    "llm-router.yml",
    "llm-router.json",
    "llm-router.toml",
];

/// Where a forerunner with native endpoints has its file: below the working directory, the user's own
/// folder, the system's. Read where there is none of ours.
const FORERUNNERS: [&str; 2] = ["llm_router_config.json", "config/llm_router_config.json"];
const FORERUNNER_AT_HOME: &str = ".llm_router_config.json";
const FORERUNNER_OF_SYSTEM: &str = "/etc/llm_router/config.json";

pub(super) struct Found {
    pub path: Option<PathBuf>,
    pub warning: Option<String>,
}

/// A file that is named is taken whether it exists or not, so that a typing error is no silent start
/// with defaults.
pub(super) fn find(directory: &Path, cli: &Overrides, environment: &Environment) -> Found {
    let named = cli
        .config
        .clone()
        .or_else(|| environment.get(VARIABLE).map(PathBuf::from));
    if named.is_some() {
        return Found {
            path: named,
            warning: None,
        };
    }
    let mut present = NAMES
        .iter()
        .map(|name| directory.join(name))
        .filter(|path| path.is_file());
    let path = present.next();
    let warning = path.as_ref().zip(present.next()).map(|(first, second)| {
        format!(
            "{} is not read, because {} is",
            second.display(),
            first.display()
        )
    });
    let path = path.or_else(|| forerunner(directory, environment));
    Found { path, warning }
}

fn forerunner(directory: &Path, environment: &Environment) -> Option<PathBuf> {
    let here = FORERUNNERS.iter().map(|name| directory.join(name));
    let home = environment.get("HOME");
    let at_home = home.map(|home| Path::new(home).join(FORERUNNER_AT_HOME));
    here.chain(at_home)
        .chain([PathBuf::from(FORERUNNER_OF_SYSTEM)])
        .find(|path| path.is_file())
}

pub(super) fn read(path: &Path) -> Result<String, ConfigErrors> {
    std::fs::read_to_string(path).map_err(|source| ConfigErrors::Unreadable {
        path: path.to_owned(),
        source,
    })
}
