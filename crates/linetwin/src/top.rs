//! `linetwin top`: the supervisor's page in a terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Context as _;
use top::{Credentials, Language, Options};

/// What a password is taken from where nobody can be asked.
const PASSWORD: &str = "LINETWIN_PASSWORD";
/// What a program's token is taken from.
const TOKEN: &str = "LINETWIN_TOKEN";

/// `linetwin top`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the daemon's page is, as a browser shows it.
    #[arg(default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// Who logs in. The password is asked for, or taken from LINETWIN_PASSWORD. Without it, LINETWIN_TOKEN may hold the token
    /// of a program.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Certificates of your own authority, in PEM; those of the system if left out.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
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
    let credentials = credentials(arguments.user)?;
    let language = arguments.language.unwrap_or_else(of_the_terminal);
    top::run(Options { url: arguments.url, ca: arguments.ca, credentials, language })?;
    Ok(())
}

fn credentials(user: Option<String>) -> anyhow::Result<Credentials> {
    let Some(user) = user else {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        return Ok(token.map_or(Credentials::Nobody, Credentials::Token));
    };
    let password = match std::env::var(PASSWORD) {
        Ok(password) => password,
        Err(_) => rpassword::prompt_password(format!("Password of {user}: ")).context("cannot ask for the password")?,
    };
    Ok(Credentials::Person { user, password })
}

/// The language that the locale asks for, by the order of POSIX.
fn of_the_terminal() -> Language {
    let mut set = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
    Language::of_locale(&set.find(|locale| !locale.is_empty()).unwrap_or_default())
}
