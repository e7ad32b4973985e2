//! The users file: who may log in, and as what.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use contract::{CommandV1, RoleName};
use serde::{Deserialize, Serialize};

use super::secret::{Secret, SecretError};

/// The most users of a line.
const USERS_MAX: usize = 1000;
/// Only the owner may read or write what is kept of passwords.
const OWNER_ONLY: u32 = 0o600;
/// Who may give files away.
const ROOT: u32 = 0;
/// What stands above the users in their file.
const PREAMBLE: &str = "# Who may use the page and the API. Written by `linetwin user`, which keeps no password, only what one is known\n# again by.\n";

/// Somebody who may log in, or something with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name, as commands carry it.
    pub name: String,
    /// What they may do.
    pub role: RoleName,
    /// What is kept of their password or token.
    pub secret: Secret,
}

impl User {
    /// A user, if the name can be one.
    ///
    /// # Errors
    /// If it cannot.
    pub fn new(name: &str, role: RoleName, secret: Secret) -> Result<Self, UserError> {
        let chars = name.chars().count();
        let fits = (1..=CommandV1::BY_MAX_CHARS).contains(&chars)
            && name.trim() == name
            && !name.contains(|c: char| c.is_control());
        if !fits {
            return Err(UserError::Name(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), role, secret })
    }
}

/// Why the users cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// It cannot be a name.
    #[error("{0:?} cannot be a user's name; expected 1 to {max} characters on one line, no blank at either end", max = CommandV1::BY_MAX_CHARS)]
    Name(String),
    /// There is one already.
    #[error("there is a user {0:?} already; `linetwin user set-password` and `set-role` change one")]
    Known(String),
    /// There is none.
    #[error("there is no user {name:?}; there are {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// There are too many.
    #[error("there are {USERS_MAX} users already, which is the most")]
    TooMany,
    /// The secret cannot be taken.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The file cannot be read or written.
    #[error("users file {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// All users, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users(BTreeMap<String, User>);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKeys {
    #[serde(default)]
    user: Vec<UserKeys>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserKeys {
    name: String,
    role: RoleName,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl UserKeys {
    fn user(self) -> Result<User, String> {
        let secret = match (&self.password, &self.token) {
            (Some(password), None) => Secret::from_kept_password(password).map_err(|error| format!("password {error}")),
            (None, Some(token)) => Secret::from_kept_token(token).map_err(|error| format!("token {error}")),
            _ => Err("needs a password or a token, and not both".to_owned()),
        };
        User::new(&self.name, self.role, secret?).map_err(|error| error.to_string())
    }
}

impl Users {
    /// Reads the text of a users file.
    ///
    /// # Errors
    /// All that is wrong with it, a line each; never what is kept of a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let keys: FileKeys = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            format!("line {line}: {}", error.message())
        })?;
        let (mut users, mut problems) = (Self::default(), Vec::new());
        for (index, keys) in keys.user.into_iter().enumerate() {
            let name = keys.name.clone();
            let added = keys.user().and_then(|user| users.add(user).map_err(|error| error.to_string()));
            if let Err(problem) = added {
                problems.push(format!("user[{index}] {name:?}: {problem}"));
            }
        }
        if problems.is_empty() { Ok(users) } else { Err(problems.join("\n")) }
    }

    /// As the text of a users file.
    pub fn to_toml(&self) -> String {
        let keys = |user: &User| {
            let kept = Some(user.secret.kept());
            let (password, token) = match user.secret {
                Secret::Password(_) => (kept, None),
                Secret::Token(_) => (None, kept),
            };
            UserKeys { name: user.name.clone(), role: user.role, password, token }
        };
        let keys = FileKeys { user: self.iter().map(keys).collect() };
        let text = toml::to_string(&keys).unwrap_or_else(|_| unreachable!("users have text keys only"));
        format!("{PREAMBLE}\n{text}")
    }

    /// Every user, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &User> {
        self.0.values()
    }

    /// A user.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.0.get(name)
    }

    /// Adds a user.
    ///
    /// # Errors
    /// If there is one of that name, or there are too many.
    pub fn add(&mut self, user: User) -> Result<(), UserError> {
        if self.0.contains_key(&user.name) {
            return Err(UserError::Known(user.name));
        }
        if self.0.len() >= USERS_MAX {
            return Err(UserError::TooMany);
        }
        self.0.insert(user.name.clone(), user);
        Ok(())
    }

    /// Removes a user.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn remove(&mut self, name: &str) -> Result<(), UserError> {
        self.change(name).map(|_| ())?;
        self.0.remove(name);
        Ok(())
    }

    /// A user, to be changed.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn change(&mut self, name: &str) -> Result<&mut User, UserError> {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        self.0.get_mut(name).ok_or_else(|| UserError::Unknown { name: name.to_owned(), known })
    }

    /// Reads a users file.
    ///
    /// # Errors
    /// If it cannot be read, or something in it is wrong.
    pub fn read(path: &Path) -> Result<Self, UserError> {
        let failed = |problem| UserError::File { path: path.to_owned(), problem };
        let text = fs::read_to_string(path).map_err(|error| {
            failed(format!("cannot be read: {error}; `linetwin user add NAME --role ROLE` makes one"))
        })?;
        Self::parse(&text).map_err(failed)
    }

    /// Changes a users file, which is made if there is none. Who reads it sees it before or after the change. Made by root, it
    /// belongs to the owner of the old one, else of the folder: so the daemon can read it.
    ///
    /// # Errors
    /// If it cannot be read or written, `change` fails, or somebody else changes it right now.
    pub fn change_file<T>(path: &Path, change: impl FnOnce(&mut Self) -> Result<T, UserError>) -> Result<T, UserError> {
        let next = path.with_extension("toml.new");
        let failed = |problem: String| UserError::File { path: path.to_owned(), problem };
        // Made before the old one is read, so that two changes at once cannot undo each other.
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&next).map_err(|error| {
                failed(match error.kind() {
                    io::ErrorKind::AlreadyExists => {
                        format!("another change is under way, or was cut off; then remove {}", next.display())
                    }
                    _ => format!("cannot be written: {error}"),
                })
            })?;
        let replace = || {
            let mut users = if path.exists() { Self::read(path)? } else { Self::default() };
            let changed = change(&mut users)?;
            give_to_owner(&file, path).map_err(|error| failed(format!("cannot be given to its owner: {error}")))?;
            let written = file.write_all(users.to_toml().as_bytes()).and_then(|()| file.sync_all());
            written
                .and_then(|()| fs::rename(&next, path))
                .map_err(|error| failed(format!("cannot be written: {error}")))?;
            Ok(changed)
        };
        let done = replace();
        if done.is_err() {
            // It is in the way of the next change; that one says so if it stays.
            let _ = fs::remove_file(&next);
        }
        done
    }
}

/// Gives a file that root has made to whom the one in its place belongs.
fn give_to_owner(file: &File, place: &Path) -> io::Result<()> {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner = fs::metadata(place).or_else(|_| fs::metadata(folder))?;
    match file.metadata()?.uid() {
        ROOT => fchown(file, Some(owner.uid()), Some(owner.gid())),
        _ => Ok(()),
    }
}

/// How two states of the users differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Difference {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) changed: Vec<String>,
}

impl Difference {
    pub(super) fn between(old: &Users, new: &Users) -> Self {
        let names = |of: &Users, keep: &dyn Fn(&User) -> bool| -> Vec<String> {
            of.iter().filter(|user| keep(user)).map(|user| user.name.clone()).collect()
        };
        Self {
            added: names(new, &|user| old.get(&user.name).is_none()),
            removed: names(old, &|user| new.get(&user.name).is_none()),
            changed: names(new, &|user| old.get(&user.name).is_some_and(|before| before != user)),
        }
    }

    pub(super) fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn machine(name: &str, role: RoleName) -> User {
        User::new(name, role, Secret::new_token().unwrap().1).unwrap()
    }

    #[test]
    fn a_file_is_made_and_changed_and_read_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        assert!(Users::read(&path).unwrap_err().to_string().contains("`linetwin user add NAME --role ROLE` makes one"));
        Users::change_file(&path, |users| users.add(machine("mes", RoleName::Viewer))).unwrap();
        Users::change_file(&path, |users| {
            users.change("mes")?.role = RoleName::Engineer;
            Ok(())
        })
        .unwrap();
        assert_eq!(Users::read(&path).unwrap().get("mes").unwrap().role, RoleName::Engineer);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Users::change_file(&path, |users| users.add(machine("mes", RoleName::Viewer)));
        assert!(again.unwrap_err().to_string().contains("already"));
        let gone = Users::change_file(&path, |users| users.remove("mse")).unwrap_err().to_string();
        assert_eq!(gone, r#"there is no user "mse"; there are mes"#);
        Users::change_file(&path, |users| users.remove("mes")).unwrap();
        assert_eq!(Users::read(&path).unwrap(), Users::default());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_root_makes_belongs_to_the_owner_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        if fs::metadata(folder.path()).unwrap().uid() != ROOT {
            return; // Nobody else may give anything away.
        }
        let path = folder.path().join("users.toml");
        std::os::unix::fs::chown(folder.path(), Some(4711), Some(4712)).unwrap();
        for name in ["a", "b"] {
            Users::change_file(&path, |users| users.add(machine(name, RoleName::Viewer))).unwrap();
            let owned = fs::metadata(&path).unwrap();
            assert_eq!((owned.uid(), owned.gid(), owned.mode() & 0o777), (4711, 4712, 0o600));
        }
    }

    #[test]
    fn two_changes_at_once_cannot_undo_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        Users::change_file(&path, |users| {
            let other = Users::change_file(&path, |users| users.add(machine("b", RoleName::Viewer)));
            assert!(other.unwrap_err().to_string().contains("another change is under way"));
            users.add(machine("a", RoleName::Viewer))
        })
        .unwrap();
        assert_eq!(Users::read(&path).unwrap().iter().count(), 1);
    }

    #[test]
    fn all_that_is_wrong_is_told_and_no_secret() {
        let check = |text: &str, expected: &str| assert_eq!(Users::parse(text).unwrap_err(), expected);
        check("[[user]]\nname = 3", "line 2: invalid type: integer `3`, expected a string");
        check(
            "[[user]]\nname = \"a\"\nrole = \"boss\"\ntoken = \"\"",
            "line 3: unknown variant `boss`, expected one of `viewer`, `supervisor`, `engineer`",
        );
        let two = "[[user]]\nname = \"a\"\nrole = \"viewer\"\n[[user]]\nname = \" b\"\nrole = \"viewer\"\npassword = \"hunter2hunter2\"";
        let problems = Users::parse(two).unwrap_err();
        assert!(problems.contains("user[0] \"a\": needs a password or a token, and not both"), "{problems}");
        assert!(problems.contains("user[1] \" b\": password is not what is kept") && !problems.contains("hunter"));
        for name in ["", " a", "a\nb", &"x".repeat(65)] {
            assert!(User::new(name, RoleName::Viewer, Secret::Token([0; 32])).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_difference_is_seen() {
        let users = |names: &[(&str, RoleName)]| {
            let mut users = Users::default();
            for (name, role) in names {
                users.add(User::new(name, *role, Secret::Token([7; 32])).unwrap()).unwrap();
            }
            users
        };
        let old = users(&[("a", RoleName::Viewer), ("b", RoleName::Viewer), ("c", RoleName::Viewer)]);
        let new = users(&[("b", RoleName::Engineer), ("c", RoleName::Viewer), ("d", RoleName::Viewer)]);
        let expected = Difference { added: vec!["d".into()], removed: vec!["a".into()], changed: vec!["b".into()] };
        assert_eq!(Difference::between(&old, &new), expected);
        assert!(Difference::between(&old, &old).is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(names in prop::collection::btree_set("\\PC{1,64}", 0..6), token in any::<[u8; 32]>()) {
            let mut users = Users::default();
            for name in names {
                if let Ok(user) = User::new(&name, RoleName::Supervisor, Secret::Token(token)) {
                    users.add(user).unwrap();
                }
            }
            prop_assert_eq!(Users::parse(&users.to_toml()), Ok(users));
        }

        #[test]
        fn no_text_is_a_panic(text in "\\PC*") {
            let _ = Users::parse(&text);
        }
    }
}
