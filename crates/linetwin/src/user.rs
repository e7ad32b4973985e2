//! `linetwin user`: who may log in to the page and the API.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::Context as _;
use contract::RoleName;
use web::{Secret, User, Users};

use crate::setup::{ConfigArguments, Setup};

/// `linetwin user`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Add a user. A running daemon knows them a few seconds later, as it does any change here.
    Add {
        #[command(flatten)]
        config: ConfigArguments,
        /// The name, as commands and the audit log carry it.
        name: String,
        /// viewer: read; supervisor: also answer alerts and report what was done; engineer: also take stations out of
        /// service.
        #[arg(long, value_name = "ROLE")]
        role: RoleName,
        /// For a machine: make a token, which is printed once, in place of a password.
        #[arg(long, conflicts_with = "password_stdin")]
        token: bool,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// List the users and their roles.
    List {
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Remove a user; their sessions end.
    Remove {
        #[command(flatten)]
        config: ConfigArguments,
        /// The name.
        name: String,
    },
    /// Give a user another password; their sessions end.
    SetPassword {
        #[command(flatten)]
        config: ConfigArguments,
        /// The name.
        name: String,
        #[command(flatten)]
        password: PasswordArguments,
    },
    /// Give a user another role; their sessions end.
    SetRole {
        #[command(flatten)]
        config: ConfigArguments,
        /// The name.
        name: String,
        /// viewer, supervisor or engineer.
        #[arg(long, value_name = "ROLE")]
        role: RoleName,
    },
}

#[derive(Debug, clap::Args)]
struct PasswordArguments {
    /// Take the password from the first line of standard input; it is asked for at the terminal if left out.
    #[arg(long)]
    password_stdin: bool,
}

/// Reads or changes the users file that the configuration names.
///
/// # Errors
/// If the configuration names none, it cannot be read or written, or the change cannot be made.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Add { config, name, role, token, password } => add(config, name, *role, *token, password),
        Action::List { config } => list(config),
        Action::Remove { config, name } => {
            Users::change_file(&users_file(config)?, |users| users.remove(name))?;
            println!("{name} is removed; their sessions end within a few seconds.");
            Ok(())
        }
        Action::SetPassword { config, name, password } => {
            let path = users_file(config)?;
            let secret = Secret::of_password(&password.get(name)?)?;
            change(&path, name, |user| user.secret = secret)?;
            println!("{name} has another password; their sessions end within a few seconds.");
            Ok(())
        }
        Action::SetRole { config, name, role } => {
            change(&users_file(config)?, name, |user| user.role = *role)?;
            println!("{name} is {role} now; their sessions end within a few seconds.");
            Ok(())
        }
    }
}

fn add(
    config: &ConfigArguments,
    name: &str,
    role: RoleName,
    is_machine: bool,
    password: &PasswordArguments,
) -> anyhow::Result<()> {
    let path = users_file(config)?;
    let (token, secret) = match is_machine {
        true => Secret::new_token().map(|(token, secret)| (Some(token), secret))?,
        false => (None, Secret::of_password(&password.get(name)?)?),
    };
    let user = User::new(name, role, secret)?;
    Users::change_file(&path, |users| users.add(user))?;
    println!("{name} is {role} now, in {}.", path.display());
    if let Some(token) = token {
        println!("The token, which is not shown again: {token}");
    }
    Ok(())
}

fn list(config: &ConfigArguments) -> anyhow::Result<()> {
    for User { name, role, secret } in Users::read(&users_file(config)?)?.iter() {
        let proof = match secret {
            Secret::Password(_) => "password",
            Secret::Token(_) => "token",
        };
        println!("{:10} {proof:8} {name}", role.name());
    }
    Ok(())
}

fn change(path: &std::path::Path, name: &str, change: impl FnOnce(&mut User)) -> anyhow::Result<()> {
    Users::change_file(path, |users| {
        change(users.change(name)?);
        Ok(())
    })?;
    Ok(())
}

fn users_file(config: &ConfigArguments) -> anyhow::Result<PathBuf> {
    let setup = Setup::read(&config.config, &config.set)?;
    setup.daemon.http.users.context(
        "the configuration names no users file; set http.users, as in users = \"users.toml\" below [http] of linetwin.toml",
    )
}

impl PasswordArguments {
    fn get(&self, name: &str) -> anyhow::Result<String> {
        if self.password_stdin {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        anyhow::ensure!(
            io::stdin().is_terminal(),
            "the password is asked for at a terminal, and this is none; use --password-stdin"
        );
        let password = rpassword::prompt_password(format!("Password of {name}: "))?;
        let again = rpassword::prompt_password("The same again: ")?;
        anyhow::ensure!(password == again, "the two are not the same; nothing is changed");
        Ok(password)
    }
}
