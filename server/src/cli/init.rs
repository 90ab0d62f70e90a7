//! `llm-router init`: writes the commented example as a configuration to start from. It never
//! replaces a file unless it is told to.

use std::{
    fs::OpenOptions,
    io::{self, Write},
};

use super::InitArguments;

/// Every key with its default and a comment; a test holds it against the code that reads them.
pub const EXAMPLE: &str = include_str!("../../../llm-router.example.yaml");

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The file is there and `--force` is not.
    #[error("{0} exists already; use --force to replace it, or --config to write another")]
    Exists(String),
    /// The file system refused.
    #[error("{0} cannot be written: {1}")]
    Io(String, #[source] io::Error),
}

/// Writes the file and says so on `out`.
///
/// # Errors
/// [`InitError`] when the file exists or cannot be written.
pub fn run(arguments: &InitArguments, out: &mut impl Write) -> Result<(), InitError> {
    let path = &arguments.config;
    let name = path.display().to_string();
    let mut options = OpenOptions::new();
    options.write(true);
    if arguments.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    // Whoever fills in keys should not have to think of who else can read them.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(EXAMPLE.as_bytes()));
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(InitError::Exists(name)),
        Err(error) => Err(InitError::Io(name, error)),
        Ok(()) => writeln!(
            out,
            "wrote {name}: every key is explained in it. `llm-router check --config {name}` says whether it is right."
        )
        .map_err(|error| InitError::Io(name, error)),
    }
}
