//! Who asks a running daemon, for every command that does.

use std::path::PathBuf;

use anyhow::Context as _;
use api_client::Credentials;

/// What a password is taken from where nobody can be asked.
const PASSWORD: &str = "LINETWIN_PASSWORD";
/// What a program's token is taken from.
const TOKEN: &str = "LINETWIN_TOKEN";

/// Who asks, and which daemons are believed.
#[derive(Debug, clap::Args)]
pub struct CallerArguments {
    /// Who logs in. The password is asked for, or taken from LINETWIN_PASSWORD. Without it, LINETWIN_TOKEN may hold the token
    /// of a program.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Certificates of your own authority, in PEM; those of the system if left out.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

impl CallerArguments {
    /// What the daemon is shown.
    ///
    /// # Errors
    /// If there is a user, and nobody who can be asked for the password.
    pub fn credentials(&self) -> anyhow::Result<Credentials> {
        let Some(user) = self.user.clone() else {
            let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
            return Ok(token.map_or(Credentials::Nobody, Credentials::Token));
        };
        let password = match std::env::var(PASSWORD) {
            Ok(password) => password,
            Err(_) => {
                rpassword::prompt_password(format!("Password of {user}: ")).context("cannot ask for the password")?
            }
        };
        Ok(Credentials::Person { user, password })
    }
}
