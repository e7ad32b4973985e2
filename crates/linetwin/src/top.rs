//! `linetwin top`: the supervisor's page in a terminal.

use std::io::{self, IsTerminal};

use top::{Language, Options};

use crate::caller::CallerArguments;

/// `linetwin top`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the daemon's page is, as a browser shows it.
    #[arg(default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    #[command(flatten)]
    caller: CallerArguments,
    /// en or de; that of the terminal if left out.
    #[arg(long, value_name = "CODE")]
    language: Option<Language>,
}

/// Shows the page until its reader quits.
///
/// # Errors
/// If there is no terminal, the address is wrong, or the daemon does not let the reader in.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    anyhow::ensure!(
        io::stdin().is_terminal() && io::stdout().is_terminal(),
        "linetwin top needs a terminal, and this is none; over ssh, ask for one with `ssh -t`"
    );
    let credentials = arguments.caller.credentials()?;
    let language = arguments.language.unwrap_or_else(of_the_terminal);
    top::run(Options { url: arguments.url, ca: arguments.caller.ca, credentials, language })?;
    Ok(())
}

/// The language that the locale asks for, by the order of POSIX.
fn of_the_terminal() -> Language {
    let mut set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
    Language::of_locale(&set.find(|locale| !locale.is_empty()).unwrap_or_default())
}
