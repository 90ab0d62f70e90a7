//! The server under test as what operators run: the binary, a process of its own.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{LedgerFile, Setup, within};

/// The file for what the process logs.
const LOG: &str = "log";

/// The process. Dropped, it is killed.
pub struct Process {
    child: Child,
    /// `http://` and the address.
    pub url: String,
    pub client: reqwest::Client,
    pub folder: TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts the binary; it accepts connections when this returns.
    pub async fn start(setup: &Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        setup.write(folder.path());
        let (child, url) = launch(folder.path()).await;
        Self {
            child,
            url,
            client: super::app::client(),
            folder,
        }
    }

    /// Kills the process, as the system does when it is out of memory, and starts it again on what
    /// it left behind.
    pub async fn kill_and_restart(&mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
        (self.child, self.url) = launch(self.folder.path()).await;
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("sent");
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
        super::until("the end of the process", async || {
            self.child.try_wait().expect("a status")
        })
        .await
    }

    pub fn ledger(&self) -> LedgerFile {
        LedgerFile::in_folder(self.folder.path())
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(LOG)).expect("a log")
    }
}

async fn launch(folder: &Path) -> (Child, String) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join(LOG))
        .expect("a log");
    let mut child = Command::new(env!("CARGO_BIN_EXE_llm-router"))
        .args(["serve", "--config"])
        .arg(Setup::file(folder))
        .env_clear()
        // For backends of kind bedrock, which find theirs here and nowhere else.
        .env("AWS_ACCESS_KEY_ID", "AKIAFORTESTS")
        .env("AWS_SECRET_ACCESS_KEY", "secret-for-tests")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("a process");
    // Nobody reads it further than to the address, as nobody does under many a supervisor.
    let out = BufReader::new(child.stdout.take().expect("its output"));
    let listening = spawn_blocking(move || {
        let mut lines = out.lines().map_while(Result::ok);
        lines.find_map(|line| {
            let (_, url) = line.split_once("is listening on ")?;
            Some(url.trim().to_owned())
        })
    });
    let url = within("the server's address", listening)
        .await
        .expect("no panic")
        .expect("an address before the output ends");
    (child, url)
}
